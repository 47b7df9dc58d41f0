/** What a promise was rejected with. It must be rejected. */
export async function refusal(work: Promise<unknown>): Promise<unknown> {
  let answer: unknown;
  try {
    answer = await work;
  } catch (error) {
    return error;
  }
  throw new Error(`Expected a refusal, got ${Bun.inspect(answer)}.`);
}
