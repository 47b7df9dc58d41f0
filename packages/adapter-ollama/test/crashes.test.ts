import { expect, test } from "bun:test";

import type { ModelRequest } from "@leasehold/model";

import { faults, type ReceivedRequest } from "./replay-server.ts";
import { expectModelError, recordCall, request, setup } from "./setup.ts";

const poison: ModelRequest = {
  messages: [{ role: "user", content: "Gift" }],
  outputTokensMax: 50,
};

const isPoison = ({ kind, body }: ReceivedRequest): boolean =>
  kind === "chat" && JSON.stringify(body["messages"]).includes("Gift");

test("a request that the model dies of twice, and of no other, is the job's own fault", async () => {
  await using subject = await setup({
    script: (received) => (isPoison(received) ? faults.errorLine : undefined),
  });

  const first = await expectModelError(subject.model.generate(poison, recordCall()));
  const { text } = await subject.model.generate(request, recordCall());
  // Another seed, as at another attempt.
  const second = await expectModelError(
    subject.model.generate({ ...poison, seed: 2 }, recordCall()),
  );

  expect(first).toMatchObject({ scope: "model", adapterCode: "runner_crashed" });
  expect(text).toBe("Gut gemacht.");
  expect(second).toMatchObject({
    code: "input_corrupt",
    scope: "job",
    retryable: false,
    adapterCode: "input_crashes_model",
  });
});

test("a server whose model dies of everything is an outage, however often", async () => {
  await using subject = await setup({
    script: ({ kind }) => (kind === "chat" ? faults.runnerCrashed : undefined),
  });

  for (const _ of [1, 2, 3, 4]) {
    const error = await expectModelError(subject.model.generate(poison, recordCall()));

    expect(error).toMatchObject({ scope: "model", retryable: true });
  }
});

test("a request that was answered in between is not suspected", async () => {
  await using subject = await setup({ script: [faults.runnerCrashed] });

  await expectModelError(subject.model.generate(poison, recordCall()));
  await subject.model.generate(poison, recordCall());
  subject.server.play(faults.runnerCrashed);
  const error = await expectModelError(subject.model.generate(poison, recordCall()));

  expect(error).toMatchObject({ scope: "model", adapterCode: "runner_crashed" });
});
