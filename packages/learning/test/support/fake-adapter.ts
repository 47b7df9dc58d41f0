import {
  type AdapterV1,
  defineAdapter,
  type PhaseRequest,
  type PhaseResult,
} from "@leasehold/core";

import { feedbackResult, visionResult } from "./hands.ts";

export interface FakeAdapterOptions {
  /** Default: what every test can live with. */
  readonly execute?: AdapterV1["execute"];
  /** Default: one for both phases. */
  readonly resource?: (phase: string) => string;
}

/** An adapter of the submission pipeline that judges nothing. */
export function createFakeAdapter({ execute, resource }: FakeAdapterOptions = {}): AdapterV1 {
  return defineAdapter({
    specVersion: "v1",
    name: "fake",
    version: "1",
    capabilities: { phases: ["vision", "feedback"] },
    resource: resource ?? (() => "fake"),
    execute: execute ?? (async (request) => answer(request)),
  });
}

/** What the fake says to a request. */
export function answer({ phase }: PhaseRequest): PhaseResult {
  return {
    output: phase === "vision" ? visionResult : feedbackResult,
    provenance: { adapter: "fake" },
  };
}
