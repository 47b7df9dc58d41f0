import type { BenchPayload } from "../contenders/contender.ts";

const words = "the quick brown fox jumps over the lazy dog, and nobody asked it why; ";

/** Makes payloads of about so many bytes as JSON. */
export function createPayloads(bytes: number): (n: number) => BenchPayload {
  const frame = JSON.stringify({ n: 100_000, text: "" }).length;
  const text = words.repeat(Math.ceil(bytes / words.length)).slice(0, Math.max(0, bytes - frame));
  return (n) => ({ n, text });
}
