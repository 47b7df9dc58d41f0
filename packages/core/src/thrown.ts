/** The class of something that was thrown, or words for it where it has none that may be told. */
export function nameOf(thrown: unknown): string {
  // A class name is chosen by a programmer; a message may have been written by a learner.
  try {
    if (thrown instanceof Error && /^[A-Za-z]{1,64}$/.test(thrown.name)) return thrown.name;
  } catch {
    // It has no name that can be read.
  }
  return "a value that is no WorkerError";
}
