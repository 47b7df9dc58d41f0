import { afterEach, expect, spyOn, test } from "bun:test";

import { faults, garbageLine, type ReplayStep } from "./replay-server.ts";
import { canary, expectModelError, recordCall, request, setup } from "./setup.ts";

const spies: { mockRestore(): void }[] = [];

afterEach(() => {
  for (const spy of spies.splice(0)) spy.mockRestore();
});

/** Catches whatever would be printed, by any way there is. */
function watchOutput(): readonly unknown[] {
  const printed: unknown[] = [];
  const note = (...args: readonly unknown[]): boolean => {
    printed.push(args);
    return true;
  };
  spies.push(
    ...(["debug", "error", "info", "log", "trace", "warn"] as const).map((method) =>
      spyOn(console, method).mockImplementation(note),
    ),
    spyOn(process.stdout, "write").mockImplementation(note),
    spyOn(process.stderr, "write").mockImplementation(note),
  );
  return printed;
}

const steps: readonly (readonly [name: string, step: ReplayStep])[] = [
  ...Object.entries(faults),
  ["garbageLine", garbageLine(canary)],
  ["echo", { kind: "reply", status: 500, contentType: "text/plain", body: `${canary}: broken` }],
  [
    "brokenJson",
    { kind: "reply", status: 500, contentType: "application/json", body: `{"error":"${canary}` },
  ],
  [
    "errorLineWithText",
    { kind: "stream", pieces: [], lines: [JSON.stringify({ error: canary })], end: "close" },
  ],
  ["html", { kind: "reply", status: 200, contentType: "text/html", body: `<p>${canary}</p>\n\n` }],
];

test.each(steps)("prints nothing and quotes nobody: %s", async (_, step) => {
  await using subject = await setup({
    // The same for the list of models and for loading.
    script: () => step,
    model: { limits: { firstTokenMs: 50, idleMs: 50, loadMs: 50 } },
  });
  const printed = watchOutput();

  const errors = [
    await expectModelError(subject.model.generate(request, recordCall({ deadlineMs: 200 }))),
    await expectModelError(
      subject.model.prepare?.(recordCall()) ?? Promise.reject(new Error("no prepare")),
    ),
  ];
  const health = await subject.model.probe?.(AbortSignal.timeout(50));

  expect(printed).toEqual([]);
  expect(
    JSON.stringify([errors.map((error) => [String(error), error.stack]), health]),
  ).not.toContain(canary);
});

test("prints nothing when all is well", async () => {
  await using subject = await setup();
  const printed = watchOutput();

  await subject.model.prepare?.(recordCall());
  await subject.model.generate(request, recordCall());
  await subject.model.probe?.(new AbortController().signal);

  expect(printed).toEqual([]);
});
