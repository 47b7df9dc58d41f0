import { describe, expect, setDefaultTimeout, test } from "bun:test";

import postgres from "postgres";

import { faultKinds } from "./support/fault-plan.ts";
import { createFaultProxy, type FaultProxy } from "./support/fault-proxy.ts";
import { useThrowawayPostgres } from "./support/throwaway-postgres.ts";

// The first test starts a server.
setDefaultTimeout(60_000);

const server = useThrowawayPostgres();

/** A table, a client that reaches it through the proxy, and one that does not. */
interface Bench extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly sql: postgres.Sql;
  /** One more client through the proxy: the driver may forget what it is asked just after its connection broke. */
  connect(): postgres.Sql;
  /** What is in the table. */
  notes(): Promise<readonly string[]>;
}

async function setup(options: postgres.Options<Record<string, never>> = {}): Promise<Bench> {
  const url = await (await server()).createDatabase(`test_${crypto.randomUUID()}`);
  const direct = postgres(url, { max: 1 });
  await direct`create table note (text text)`;
  const proxy = await createFaultProxy({ url, delayMs: 50 });
  const clients: postgres.Sql[] = [];
  const connect = (): postgres.Sql => {
    const client = postgres(proxy.url, { max: 1, connect_timeout: 2, ...options });
    clients.push(client);
    return client;
  };
  return {
    proxy,
    sql: connect(),
    connect,
    notes: async () => {
      const rows = await direct<{ text: string }[]>`select text from note order by text`;
      return rows.map(({ text }) => text);
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await Promise.all([direct, ...clients].map((client) => client.end({ timeout: 0 })));
    },
  };
}

const insertNote = /insert into note/;

/** Where an answer is expected, it is waited for; where none is, there is no other way than to wait a little. */
const patienceMs = 20_000;
const silenceMs = 300;

/** What became of a statement that may never be answered. */
async function outcomeOf(work: PromiseLike<unknown>, waitMs = patienceMs): Promise<string> {
  const late = Bun.sleep(waitMs).then(() => "silence");
  const told = Promise.resolve(work).then(
    () => "answered",
    (error: { readonly code?: string }) => `failed: ${error.code}`,
  );
  return await Promise.race([told, late]);
}

describe("a statement that is cut before", () => {
  test("did not happen, and its client sees a lost connection", async () => {
    await using bench = await setup();
    const fault = bench.proxy.arm({ statement: insertNote, kind: "cut-before" });

    const outcome = await outcomeOf(bench.sql`insert into note values (${"one"})`);

    expect(outcome).toBe("failed: ECONNRESET");
    expect(fault.hasStruck()).toBe(true);
    expect(await bench.notes()).toEqual([]);
  });
});

describe("a statement that is cut after", () => {
  test("did happen, and its client sees the same lost connection", async () => {
    await using bench = await setup();
    const fault = bench.proxy.arm({ statement: insertNote, kind: "cut-after" });

    const outcome = await outcomeOf(bench.sql`insert into note values (${"one"})`);

    expect(outcome).toBe("failed: ECONNRESET");
    expect(fault.hasStruck()).toBe(true);
    expect(await bench.notes()).toEqual(["one"]);
  });

  test("costs no statement that was sent before on the same connection its answer", async () => {
    await using bench = await setup();
    await bench.sql`select 1`;
    bench.proxy.arm({ statement: insertNote, kind: "cut-after" });

    const outcomes = await Promise.all([
      outcomeOf(bench.sql`select pg_sleep(0.05), 2`),
      outcomeOf(bench.sql`insert into note values ('one')`),
    ]);

    expect(outcomes).toEqual(["answered", "failed: ECONNRESET"]);
  });
});

describe("a statement that hangs after", () => {
  test("did happen, and its client hears nothing at all", async () => {
    await using bench = await setup();
    const fault = bench.proxy.arm({ statement: insertNote, kind: "hang-after" });

    const outcome = outcomeOf(bench.sql`insert into note values (${"one"})`, silenceMs);

    await fault.struck;
    expect(await bench.notes()).toEqual(["one"]);
    expect(await outcome).toBe("silence");
    expect(await outcomeOf(bench.sql`select 1`, silenceMs)).toBe("silence");
    expect(bench.proxy.countOpen()).toBe(1);
  });
});

describe("a statement is recognised", () => {
  test("when it was prepared long ago and is only bound again", async () => {
    await using bench = await setup();
    const note = (text: string): PromiseLike<unknown> =>
      bench.sql`insert into note values (${text})`;
    await note("one");
    await note("two");
    bench.proxy.arm({ statement: insertNote, kind: "cut-before" });

    const outcome = await outcomeOf(note("three"));

    expect(outcome).toBe("failed: ECONNRESET");
    expect(await bench.notes()).toEqual(["one", "two"]);
    expect(bench.proxy.countRuns(insertNote)).toBe(3);
  });

  test("when it is sent simply, in one message", async () => {
    await using bench = await setup();
    bench.proxy.arm({ statement: insertNote, kind: "cut-after" });

    const outcome = await outcomeOf(bench.sql.unsafe("insert into note values ('one')"));

    expect(outcome).toBe("failed: ECONNRESET");
    expect(await bench.notes()).toEqual(["one"]);
  });

  test("when the client asked for encryption first", async () => {
    await using bench = await setup({ ssl: "prefer" });
    bench.proxy.arm({ statement: insertNote, kind: "cut-after" });

    const outcome = await outcomeOf(bench.sql`insert into note values (${"one"})`);

    expect(outcome).toBe("failed: ECONNRESET");
    expect(await bench.notes()).toEqual(["one"]);
  });

  test.each(faultKinds)("at the end of a transaction: %s", async (kind) => {
    await using bench = await setup();
    const fault = bench.proxy.arm({ statement: /^commit$/, kind });

    const outcome = outcomeOf(
      bench.sql.begin(async (transaction) => transaction`insert into note values ('one')`),
      kind === "hang-after" ? silenceMs : patienceMs,
    );

    await fault.struck;
    expect(await bench.notes()).toEqual(kind === "cut-before" ? [] : ["one"]);
    expect(await outcome).toBe(kind === "hang-after" ? "silence" : "failed: ECONNRESET");
  });

  test("once per fault, in the order in which the faults were armed", async () => {
    await using bench = await setup();
    bench.proxy.arm({ statement: insertNote, kind: "cut-after" });
    bench.proxy.arm({ statement: insertNote, kind: "cut-before" });

    const outcomes: string[] = [];
    for (const text of ["one", "two", "three"]) {
      outcomes.push(await outcomeOf(bench.connect()`insert into note values (${text})`));
    }

    expect(outcomes).toEqual(["failed: ECONNRESET", "failed: ECONNRESET", "answered"]);
    expect(await bench.notes()).toEqual(["one", "three"]);
  });
});

describe("all connections", () => {
  test("are cut at once, and new ones pass", async () => {
    await using bench = await setup({ max: 2 });
    const both = [bench.sql`select pg_sleep(30)`, bench.sql`select pg_sleep(30)`].map((query) =>
      outcomeOf(query),
    );
    while (bench.proxy.countRuns(/pg_sleep/) < 2) await Bun.sleep(5);

    const cut = bench.proxy.cutAll();

    expect(cut).toBe(2);
    expect(await Promise.all(both)).toEqual(["failed: ECONNRESET", "failed: ECONNRESET"]);
    expect(await outcomeOf(bench.connect()`select 1`)).toBe("answered");
  });

  test("fall silent in a black hole, and stay so when it is gone", async () => {
    await using bench = await setup();
    await bench.sql`select 1`;

    bench.proxy.setMode("black-hole");
    const outcome = await outcomeOf(bench.sql`insert into note values (${"one"})`, silenceMs);
    bench.proxy.setMode("pass");

    expect(outcome).toBe("silence");
    expect(await outcomeOf(bench.sql`select 1`, silenceMs)).toBe("silence");
    expect(await bench.notes()).toEqual([]);
  });

  test("are not even made in a black hole", async () => {
    await using bench = await setup();

    bench.proxy.setMode("black-hole");

    expect(await outcomeOf(bench.sql`select 1`)).toBe("failed: CONNECT_TIMEOUT");
  });

  test("are refused, but only the new ones", async () => {
    await using bench = await setup();
    await bench.sql`select 1`;

    bench.proxy.setMode("refuse");

    expect(await outcomeOf(bench.sql`select 1`)).toBe("answered");
    expect(await outcomeOf(bench.connect()`select 1`)).toBe("failed: ECONNRESET");
    bench.proxy.setMode("pass");
    expect(await outcomeOf(bench.connect()`select 1`)).toBe("answered");
  });

  test("are slow, and nothing comes out of order", async () => {
    await using bench = await setup();
    await bench.sql`select 1`;

    bench.proxy.setMode("slow");
    const started = performance.now();
    const answers = Promise.all([1, 2, 3].map((each) => bench.sql`select ${each}::int as it`));
    const rows = (await answers).map(([row]) => row?.["it"]);

    expect(rows).toEqual([1, 2, 3]);
    // Two ways of 50 ms, less what a timer may be early.
    expect(performance.now() - started).toBeGreaterThan(90);
  });
});
