import { expect, test } from "bun:test";

import type {
  ModelCapabilities,
  ModelContext,
  ModelErrorCode,
  ModelErrorScope,
  ModelHealth,
  ModelMessage,
  ModelProgress,
  ModelProvenance,
  ModelRequest,
  ModelResponse,
  ModelV1,
} from "@leasehold/model";

/** `true` when each type can stand for the other, and both have the same members. */
type Same<One, Other> = [One, keyof One] extends [Other, keyof Other]
  ? [Other, keyof Other] extends [One, keyof One]
    ? true
    : false
  : false;

/** The members as one object, so that only what they are counts, and not how they were put together. */
type Flat<Shape> = { [Key in keyof Shape]: Shape[Key] };

/** Whether each member must be there. */
type Members<Shape> = {
  readonly [Key in keyof Required<Shape>]: {} extends Pick<Shape, Key & keyof Shape>
    ? "optional"
    : "required";
};

// Version 1 of the contract, written down a second time. A change of it is a decision: an optional member or a capability
// with a default may be added here and in the guide, and whatever else is a new interface beside this one.

const isModelFrozen: Same<
  Flat<ModelV1>,
  {
    readonly specVersion: "v1";
    readonly name: string;
    readonly version: string;
    readonly capabilities: ModelCapabilities;
    readonly resource: string;
    readonly concurrency?: number;
    prepare?: (context: ModelContext) => Promise<void>;
    generate: (request: ModelRequest, context: ModelContext) => Promise<ModelResponse>;
    probe?: (signal: AbortSignal) => Promise<ModelHealth>;
    close?: () => Promise<void>;
  }
> = true;

const isRequestFrozen: Same<
  Flat<ModelRequest>,
  {
    readonly messages: readonly ModelMessage[];
    readonly schema?: Readonly<Record<string, unknown>>;
    readonly outputTokensMax: number;
    readonly temperature?: number;
    readonly seed?: number;
  }
> = true;

const isContextFrozen: Same<
  Flat<ModelContext>,
  {
    readonly signal: AbortSignal;
    readonly deadlineAt: number;
    progress: (progress: ModelProgress) => void;
  }
> = true;

const isResponseFrozen: Same<
  Flat<ModelResponse>,
  {
    readonly text: string;
    readonly finish: "stop" | "length";
    readonly usage: { readonly inputTokens?: number; readonly outputTokens?: number };
    readonly durationMs: number;
    readonly provenance: ModelProvenance;
  }
> = true;

const areCapabilitiesFrozen: Same<
  Flat<ModelCapabilities>,
  {
    readonly images: boolean;
    readonly structuredOutput: "grammar" | "prompt" | "none";
    readonly deterministic: boolean;
    readonly local: boolean;
  }
> = true;

const areScopesFrozen: Same<ModelErrorScope, "job" | "model" | "backend" | "config"> = true;

/** Codes are added freely and renamed never: each of these must stay. */
const codes: readonly ModelErrorCode[] = [
  "aborted",
  "backend_busy",
  "backend_failed",
  "backend_timeout",
  "backend_unreachable",
  "config_invalid",
  "input_corrupt",
  "input_too_large",
  "input_unsupported",
  "model_missing",
  "model_unsuitable",
  "output_invalid",
  "output_runaway",
  "output_truncated",
];

const model: Members<ModelV1> = {
  specVersion: "required",
  name: "required",
  version: "required",
  capabilities: "required",
  resource: "required",
  concurrency: "optional",
  prepare: "optional",
  generate: "required",
  probe: "optional",
  close: "optional",
};

const guidePath = new URL("../../../docs/writing-an-adapter.md", import.meta.url);

test("version 1 of the model contract is what it was", () => {
  const checks = [
    isModelFrozen,
    isRequestFrozen,
    isContextFrozen,
    isResponseFrozen,
    areCapabilitiesFrozen,
    areScopesFrozen,
  ];

  // The compiler has decided by now; the names are kept in the guide as well.
  expect(checks).not.toContain(false);
});

test("the guide names every member of a model, and every code of an error", async () => {
  const guide = await Bun.file(guidePath).text();

  const table = guide.slice(guide.indexOf("| `ModelV1`"), guide.indexOf("<!-- /ModelV1 -->"));
  const rows = [...table.matchAll(/^\| `(\w+)` +\| (required|optional) /gm)];

  expect(Object.fromEntries(rows.map(([, name, need]) => [name, need]))).toEqual(model);
  expect(codes.filter((code) => !guide.includes(`\`${code}\``))).toEqual([]);
});
