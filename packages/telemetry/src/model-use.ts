import type { ModelCallEnd } from "./watch-model.ts";

/** What a process has seen of a model since it began. */
export interface ModelUse {
  /** As the host named it. */
  readonly name: string;
  /** How often it was asked for after another model of the same host: each time, one of them may have had to be loaded. */
  readonly swaps: number;
  /** How fast it wrote in its last calls, from the first token on. Absent until it has written for a moment. */
  readonly tokensPerSecond?: number;
}

/** Remembers of each model how it is used. */
export interface ModelUseLog {
  noteSwap(name: string): void;
  noteCall(name: string, end: ModelCallEnd): void;
  list(): readonly ModelUse[];
}

/** Calls that the speed is taken from. */
const callsMax = 20;

interface Writing {
  readonly tokens: number;
  readonly ms: number;
}

export function createModelUseLog(): ModelUseLog {
  const swaps = new Map<string, number>();
  const writings = new Map<string, Writing[]>();
  return {
    noteSwap: (name) => void swaps.set(name, (swaps.get(name) ?? 0) + 1),
    noteCall(name, { durationMs, firstTokenMs = 0, response }) {
      const last = writings.get(name) ?? [];
      writings.set(name, last);
      const tokens = response?.usage.outputTokens;
      if (tokens === undefined) return;
      last.push({ tokens, ms: durationMs - firstTokenMs });
      if (last.length > callsMax) last.shift();
    },
    list: () =>
      [...writings].map(([name, last]) => ({
        name,
        swaps: swaps.get(name) ?? 0,
        ...speedOf(last),
      })),
  };
}

function speedOf(writings: readonly Writing[]): Pick<ModelUse, "tokensPerSecond"> {
  let tokens = 0;
  let ms = 0;
  for (const writing of writings) {
    tokens += writing.tokens;
    ms += writing.ms;
  }
  return tokens > 0 && ms > 0 ? { tokensPerSecond: (tokens / ms) * 1000 } : {};
}
