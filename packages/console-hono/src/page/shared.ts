/** Lets calls share an answer: the one that is under way, and one that came less than so long ago. */
export function createShared<Answer>(
  keptMs: number,
  ask: () => Promise<Answer>,
): () => Promise<Answer> {
  let pending: Promise<Answer> | undefined;
  let kept: { readonly answer: Answer; readonly until: number } | undefined;
  const renew = async (): Promise<Answer> => {
    try {
      const answer = await ask();
      kept = { answer, until: performance.now() + keptMs };
      return answer;
    } finally {
      pending = undefined;
    }
  };
  return () => {
    if (kept !== undefined && performance.now() < kept.until) return Promise.resolve(kept.answer);
    return (pending ??= renew());
  };
}
