import { expect, spyOn, test } from "bun:test";

import { type ModelContext, ModelError, withDeadline } from "@leasehold/model";

import { createContext } from "./scripted-model.ts";

/** Work that ends only by its signal, as a model's call does; calls `onStart` when it listens. */
function waitForAbort(onStart: (context: ModelContext) => void = () => {}) {
  return (context: ModelContext): Promise<never> =>
    new Promise((_, reject) => {
      context.signal.addEventListener("abort", () => reject(new Error("the socket closed")));
      onStart(context);
    });
}

async function catchError(work: Promise<unknown>): Promise<ModelError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  if (!ModelError.is(error)) throw error;
  return error;
}

test("gives back what the work returned and keeps no timer and no listener", async () => {
  const { signal } = new AbortController();
  const added = spyOn(signal, "addEventListener");
  const removed = spyOn(signal, "removeEventListener");
  const cleared = spyOn(globalThis, "clearTimeout");

  const result = await withDeadline(createContext({ signal }), 60_000, async () => "done");

  expect(result).toBe("done");
  expect(removed.mock.calls[0]?.slice(0, 2)).toEqual(added.mock.calls[0]?.slice(0, 2) ?? []);
  expect(cleared).toHaveBeenCalledTimes(1);
  cleared.mockRestore();
});

test("is aborted with its caller, whatever the work throws on its way out", async () => {
  const caller = new AbortController();
  const reason = new Error("lease lost");

  const error = await catchError(
    withDeadline(
      createContext({ signal: caller.signal }),
      undefined,
      waitForAbort(() => caller.abort(reason)),
    ),
  );

  expect(error).toMatchObject({ code: "aborted", scope: "backend", retryable: true });
  expect(ModelError.causeOf(error)).toBe(reason);
});

test("does not begin for a caller that was aborted or whose deadline has passed", async () => {
  let begun = 0;
  const work = async (): Promise<void> => void (begun += 1);

  const aborted = createContext({ signal: AbortSignal.abort() });
  const late = createContext({ deadlineAt: performance.now() - 1 });

  expect((await catchError(withDeadline(aborted, undefined, work))).code).toBe("aborted");
  expect((await catchError(withDeadline(late, undefined, work))).code).toBe("backend_timeout");
  expect(begun).toBe(0);
});

test("calls silence until the deadline an outage", async () => {
  const error = await catchError(
    withDeadline(
      createContext(),
      20,
      waitForAbort((context) => context.progress({ stage: "prefill" })),
    ),
  );

  expect(error).toMatchObject({ code: "backend_timeout", scope: "backend", retryable: true });
});

test("calls output without end the job's own", async () => {
  const error = await catchError(
    withDeadline(
      createContext(),
      20,
      waitForAbort((context) => context.progress({ stage: "decoding", tokens: 1 })),
    ),
  );

  expect(error).toMatchObject({ code: "output_runaway", scope: "job", retryable: true });
});

test("takes the earlier of two deadlines and says which", async () => {
  const early = performance.now() + 1_000;
  const seen: number[] = [];
  const note = async (context: ModelContext): Promise<void> => void seen.push(context.deadlineAt);

  await withDeadline(createContext({ deadlineAt: early }), 60_000, note);
  await withDeadline(createContext(), 500, note);
  await withDeadline(createContext({ deadlineAt: Infinity }), undefined, note);

  expect(seen[0]).toBe(early);
  expect(seen[1]).toBeLessThan(performance.now() + 500);
  expect(seen[2]).toBe(Infinity);
});

test("gives no answer that came after the abort", async () => {
  const caller = new AbortController();

  const error = await catchError(
    withDeadline(createContext({ signal: caller.signal }), undefined, async () => {
      caller.abort();
      return "too late";
    }),
  );

  expect(error.code).toBe("aborted");
});

test("lets an error of the work through unchanged while nobody aborted", async () => {
  const thrown = new ModelError("backend_busy", "Busy.", { scope: "backend", retryable: true });

  const error = await catchError(
    withDeadline(createContext(), undefined, () => Promise.reject(thrown)),
  );

  expect(error).toBe(thrown);
});

test("passes progress on", async () => {
  const seen: string[] = [];
  const context = createContext({ progress: ({ stage }) => void seen.push(stage) });

  await withDeadline(context, undefined, async (inner) => inner.progress({ stage: "loading" }));

  expect(seen).toEqual(["loading"]);
});
