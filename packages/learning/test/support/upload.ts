import { createHands, type Hands } from "./hands.ts";
import { fileSubmission, type Learning, type Submitted, useLearning } from "./learning.ts";

/** One upload, which waits for `vision`, and hands that work it. */
export interface Upload extends Learning {
  readonly hands: Hands;
  readonly file: Submitted;
}

/** Gives a test file an upload per test. */
export function useUpload(): () => Promise<Upload> {
  const open = useLearning();
  return async () => {
    const learning = await open();
    const file = await learning.submit(fileSubmission);
    return { ...learning, hands: createHands(learning), file };
  };
}
