import { expect, test } from "bun:test";

import type { PhaseResult } from "@leasehold/core";
import { ModelError } from "@leasehold/model";

import { assessText } from "../src/feedback-phase.ts";
import { createFakeModel, type FakeModel, sayWhatFits } from "./support/fake-model.ts";
import { createPhaseContext, type RecordedContext } from "./support/phase-context.ts";
import { refusal } from "./support/refusal.ts";
import { textInput } from "./support/submission-input.ts";

const outage = (): ModelError =>
  new ModelError("backend_busy", "The server is busy.", { scope: "backend", retryable: true });

/** An attempt after which the server was away for the second step. */
async function attemptHalf(): Promise<RecordedContext> {
  const context = createPhaseContext({ phase: "feedback" });
  const model = createFakeModel({
    say(request) {
      if (request.schema === undefined) throw outage();
      return sayWhatFits(request);
    },
  });
  expect(await refusal(assess(model, context))).toMatchObject({ scope: "backend" });
  return context;
}

/** What an attempt finds that comes after another one. */
function attempt(
  model: FakeModel,
  { parts }: Pick<RecordedContext, "parts">,
): ReturnType<typeof assess> {
  return assess(model, createPhaseContext({ phase: "feedback", attempt: 2 }), parts);
}

async function assess(
  model: FakeModel,
  context: RecordedContext,
  parts: RecordedContext["parts"] = [],
): Promise<PhaseResult> {
  return await assessText(
    { model, timeoutMs: 10_000, fallbacks: [] },
    {
      input: textInput,
      text: textInput.text ?? "",
      known: new Map(parts.map(({ part, output }) => [part, output])),
    },
    context,
  );
}

test("an attempt after an outage asks only for what is missing, and comes to the same", async () => {
  const before = await attemptHalf();
  const model = createFakeModel();
  const undisturbed = await attempt(createFakeModel(), { parts: [] });

  const resumed = await attempt(model, before);

  expect(model.requests.map(({ schema }) => schema === undefined)).toEqual([true]);
  expect(resumed).toEqual(undisturbed);
});

test.each<[string, (kept: object) => unknown]>([
  ["of another model", (kept) => ({ ...kept, resource: "elsewhere/other" })],
  [
    "of another program",
    (kept) => {
      const { provenance } = kept as { readonly provenance: object };
      return { ...kept, provenance: { ...provenance, hash: "0".repeat(64) } };
    },
  ],
  ["that do not fit the criteria", (kept) => ({ ...kept, answer: { c9: {} } })],
  ["of which nothing is left", () => null],
])("judgements %s are not taken", async (_, change) => {
  const { parts } = await attemptHalf();
  const changed = parts.map((part) => ({
    ...part,
    output: change(part.output as object) as (typeof part)["output"],
  }));
  const model = createFakeModel();

  await attempt(model, { parts: changed });

  expect(model.requests.map(({ schema }) => schema === undefined)).toEqual([false, true]);
});
