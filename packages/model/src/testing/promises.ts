import { answerPromises } from "./answer-promises.ts";
import { endPromises } from "./end-promises.ts";
import { failurePromises } from "./failure-promises.ts";
import type { ModelPromise } from "./subject.ts";

/** Every promise of the contract that the kit tests, by the sentence that states it. */
export const promises: Readonly<Record<string, ModelPromise>> = {
  ...answerPromises,
  ...endPromises,
  ...failurePromises,
};
