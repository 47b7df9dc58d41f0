import assert from "node:assert/strict";

import {
  assertQuotesNothing,
  call,
  expectError,
  type ModelPromise,
  promise,
  show,
} from "./subject.ts";
import { watchConsole } from "./watch-console.ts";

/** What is promised of calls that fail. */
export const failurePromises: Readonly<Record<string, ModelPromise>> = {
  "fails with a ModelError that quotes nobody": promise(async (model, subject) => {
    const error = await expectError(call(model, subject.failingRequest));

    assert.match(error.adapterCode ?? "none", /^[a-z0-9_]{1,64}$/);
    assertQuotesNothing(show(error), subject.failingRequest, "the error");
  }),

  "prints nothing": promise(async (model, subject) => {
    const printed = await watchConsole(async () => {
      await call(model, subject.request);
      await call(model, subject.failingRequest).catch(() => {});
    });

    assert.deepEqual(printed, [], "a console may be read by people who must not see a request");
  }),

  "says whose fault a failure is": promise(
    async (model, { failures }) => {
      for (const [scope, request] of Object.entries(failures)) {
        const error = await expectError(call(model, request));

        assert.equal(
          error.scope,
          scope,
          `${error.code} is said to be the fault of: ${error.scope}`,
        );
        assertQuotesNothing(show(error), request, "the error");
      }
    },
    ["failures"],
  ),
};
