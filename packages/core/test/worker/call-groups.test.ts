import { describe, expect, test } from "bun:test";

import { WorkerError } from "../../src/errors.ts";
import { type CallGroups, createCallGroups } from "../../src/store/call-groups.ts";

type Answers = ReadonlyMap<string, string>;

interface Subject extends CallGroups<string, string> {
  /** The groups that were sent, oldest first. */
  readonly sent: readonly (readonly string[])[];
  /** Ends the oldest group that is on its way. */
  readonly end: (how?: (items: readonly string[]) => Answers) => Promise<void>;
}

const well = (items: readonly string[]): Answers =>
  new Map(items.map((item) => [item, item.toUpperCase()]));
const refuse = (): never => {
  throw new WorkerError("statement_failed", "One of them is not right.");
};
const failToReach = (): never => {
  throw new WorkerError("database_unavailable", "Nobody is there.", { scope: "backend" });
};

function setup({ sizeMax = 4, waitMsMax = 60_000 } = {}): Subject {
  const sent: (readonly string[])[] = [];
  const pending: { readonly items: readonly string[]; readonly settle: Settle }[] = [];
  const groups = createCallGroups<string, string>({
    sizeMax,
    waitMsMax,
    async send(items) {
      sent.push(items);
      const { promise, resolve } = Promise.withResolvers<() => Answers>();
      pending.push({ items, settle: resolve });
      return (await promise)();
    },
  });
  return {
    ...groups,
    sent,
    async end(how = well) {
      const group = pending.shift();
      group?.settle(() => how(group.items));
      await breath();
    },
  };
}
type Settle = (how: () => Answers) => void;

const breath = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve));

test("calls of one breath go as one, and each gets its own answer", async () => {
  const { call, sent, end } = setup();
  const calls = Promise.all([call("a"), call("b"), call("c")]);
  await breath();

  await end();

  expect(await calls).toEqual(["A", "B", "C"]);
  expect(sent).toEqual([["a", "b", "c"]]);
});

test("calls that come while a group is on its way wait for its return", async () => {
  const { call, sent, end } = setup();
  const first = call("a");
  await breath();
  const others = Promise.all([call("b"), call("c")]);
  await breath();
  expect(sent).toEqual([["a"]]);

  await end();
  await end();

  expect(await first).toBe("A");
  expect(await others).toEqual(["B", "C"]);
  expect(sent).toEqual([["a"], ["b", "c"]]);
});

test("they do not wait for ever for a group that stays away", async () => {
  const { call, sent, end } = setup({ waitMsMax: 1 });
  void call("a");
  await breath();
  const late = call("b");

  while (sent.length < 2) await breath();

  await end();
  await end();
  expect(await late).toBe("B");
});

test("a group is never larger than allowed", async () => {
  const { call, sent, end } = setup({ sizeMax: 2 });
  const calls = Promise.all(["a", "b", "c", "d", "e"].map(call));
  await breath();

  for (let group = 0; group < 3; group += 1) await end();

  expect(await calls).toEqual(["A", "B", "C", "D", "E"]);
  expect(sent).toEqual([["a", "b"], ["c", "d"], ["e"]]);
});

/** The sizes of the groups that so many calls at a time make, when a group takes so long. */
async function sizesOf(
  counts: readonly number[],
  msOf: (size: number, place: number) => number,
): Promise<readonly number[]> {
  let now = 0;
  const sizes: number[] = [];
  const { call } = createCallGroups<string, string>({
    sizeMax: 500,
    waitMsMax: 60_000,
    now: () => now,
    async send(items) {
      now += msOf(items.length, sizes.length);
      sizes.push(items.length);
      return well(items);
    },
  });
  for (const count of counts) {
    await Promise.all(Array.from({ length: count }, (_, index) => call(String(index))));
  }
  return sizes;
}

test("groups grow as they succeed, up to what would take long", async () => {
  // Forty of them in what is long.
  const sizes = await sizesOf([16, 32, 64, 64], (size) => size * 5);

  expect(sizes).toEqual([16, 32, 40, 24, 40, 24]);
});

test("groups shrink when their members cost more than they did", async () => {
  const sizes = await sizesOf([16, 32, ...Array.from({ length: 16 }, () => 64)], (size, place) =>
    place < 2 ? 1 : size * 10,
  );

  expect(sizes.slice(0, 4)).toEqual([16, 32, 64, 64]);
  expect(sizes.slice(-3)).toEqual([20, 20, 4]);
});

test("groups stay as they are when one of them was slow", async () => {
  const sizes = await sizesOf([16, 32, 64, 64, 64], (_, place) => (place === 2 ? 5_000 : 1));

  expect(sizes).toEqual([16, 32, 64, 64, 64]);
});

test("four groups at most are on their way, and the others wait for one to return", async () => {
  const { call, sent, end } = setup({ sizeMax: 1 });
  const calls = Promise.all(["a", "b", "c", "d", "e", "f"].map(call));
  await breath();
  expect(sent).toHaveLength(4);

  for (let group = 0; group < 6; group += 1) await end();

  expect(await calls).toEqual(["A", "B", "C", "D", "E", "F"]);
});

describe("a group that fails", () => {
  test("is sent one by one when it was refused: nobody answers for his neighbour", async () => {
    const { call, sent, end } = setup();
    const calls = Promise.allSettled(["a", "b", "c"].map(call));
    await breath();

    await end(refuse);
    await end();
    await end(refuse);
    await end();

    const outcomes = (await calls).map(({ status }) => status);
    expect(outcomes).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(sent.slice(1)).toEqual([["a"], ["b"], ["c"]]);
  });

  test("is not sent again when nobody was there: that is the caller's to decide", async () => {
    const { call, sent, end } = setup();
    const calls = Promise.allSettled([call("a"), call("b")]);
    await breath();

    await end(failToReach);

    expect((await calls).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(sent).toHaveLength(1);
  });

  test("takes those along who wait when nobody was there", async () => {
    const { call, sent, end } = setup();
    const first = Promise.allSettled([call("a")]);
    await breath();
    const waiting = Promise.allSettled([call("b")]);

    await end(failToReach);

    const outcomes = [...(await first), ...(await waiting)].map(({ status }) => status);
    expect(outcomes).toEqual(["rejected", "rejected"]);
    expect(sent).toEqual([["a"]]);
  });

  test("makes the next ones small, until they grow again", async () => {
    const { call, sent, end } = setup();
    const lost = Promise.allSettled([call("a"), call("b")]);
    await breath();
    await end(failToReach);
    await lost;

    const calls = Promise.all(["c", "d", "e"].map(call));
    await breath();
    expect(sent.slice(1)).toEqual([["c"], ["d"], ["e"]]);
    for (let group = 0; group < 3; group += 1) await end();
    await calls;
    const more = Promise.all(["f", "g", "h"].map(call));
    await breath();

    await end();
    await more;
    expect(sent.at(-1)).toEqual(["f", "g", "h"]);
  });

  test("rejects a call that got no answer, and no other", async () => {
    const { call, end } = setup();
    const calls = Promise.allSettled([call("a"), call("b")]);
    await breath();

    await end(() => new Map([["a", "A"]]));

    expect((await calls).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
});

describe("who waits may be taken along with somebody else's call", () => {
  const sendBoth = async (items: readonly string[]): Promise<readonly [Answers, string]> => [
    well(items),
    `with ${items.join()}`,
  ];

  test("once, and without a call of its own", async () => {
    const { call, takeAlong, sent } = setup();
    const calls = Promise.all([call("a"), call("b")]);

    const other = await takeAlong(sendBoth);
    await breath();

    expect(other).toBe("with a,b");
    expect(await calls).toEqual(["A", "B"]);
    expect(sent).toEqual([]);
  });

  test("while a group is on its way", async () => {
    const { call, takeAlong, sent, end } = setup();
    const first = call("a");
    await breath();
    const second = call("b");

    const other = await takeAlong(sendBoth);
    await end();

    expect([other, await first, await second]).toEqual(["with b", "A", "B"]);
    expect(sent).toEqual([["a"]]);
  });

  test("unless nobody waits, or too many for whoever would wait for them", async () => {
    const { call, takeAlong } = setup({ sizeMax: 100 });
    const alone = await takeAlong(sendBoth);
    for (let item = 0; item < 17; item += 1) void call(String(item));

    const crowded = await takeAlong(sendBoth);

    expect([alone, crowded]).toEqual([undefined, undefined]);
  });

  test("unless what they want takes long", async () => {
    let now = 0;
    const { call, takeAlong } = createCallGroups<string, string>({
      sizeMax: 4,
      waitMsMax: 60_000,
      now: () => now,
      async send(items) {
        now += 6 * items.length;
        return well(items);
      },
    });
    await call("a");
    const two = [call("b"), call("c")];
    const both = await takeAlong(sendBoth);
    await Promise.all(two);
    const one = call("d");

    const alone = await takeAlong(sendBoth);

    expect([both, alone]).toEqual([undefined, "with d"]);
    await one;
  });

  test("and is sent by itself when both together were refused", async () => {
    const { call, takeAlong, sent, end } = setup();
    const calls = Promise.all([call("a"), call("b")]);

    const other = await takeAlong(async () => refuse());
    await breath();
    await end();
    await end();

    expect(other).toBeUndefined();
    expect(await calls).toEqual(["A", "B"]);
    expect(sent).toEqual([["a"], ["b"]]);
  });

  test("and hears like the other that nobody was there", async () => {
    const { call, takeAlong, sent } = setup();
    const one = call("a");

    const both = await Promise.allSettled([takeAlong(async () => failToReach()), one]);

    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(sent).toEqual([]);
  });
});
