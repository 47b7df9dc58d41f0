import type { AdapterContext, Json, Provenance, SavedPart } from "@leasehold/core";

/** A context without a worker, and what was told to it. */
export interface RecordedContext extends AdapterContext {
  readonly parts: readonly (SavedPart & { readonly provenance: Provenance })[];
}

export function createPhaseContext(overrides: Partial<AdapterContext> = {}): RecordedContext {
  const parts: (SavedPart & { readonly provenance: Provenance })[] = [];
  return {
    jobId: "6d5c1f6e-2f6b-4f0e-9d49-52d1b4d3a0aa",
    phase: "vision",
    attempt: 1,
    signal: new AbortController().signal,
    deadlineAt: performance.now() + 60_000,
    logger: { info: () => undefined, warn: () => undefined },
    progress: () => undefined,
    async savePart(part: number, output: Json, provenance: Provenance) {
      parts.push({ part, output, provenance });
    },
    ...overrides,
    parts,
  };
}
