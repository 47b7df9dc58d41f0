import { expect, test } from "bun:test";

import type {
  AdapterCapabilities,
  AdapterContext,
  AdapterHealth,
  AdapterV1,
  KnownStage,
  PhaseLogger,
  PhaseProgress,
  PhaseRequest,
  PhaseResult,
  Provenance,
  SavedPart,
} from "@leasehold/core";

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

type Json = Parameters<AdapterContext["savePart"]>[1];

// Version 1 of the contract, written down a second time. A change of it is a decision: an optional method or a capability
// with a default may be added here and in the guide, and whatever else is a new interface beside this one.

const isAdapterFrozen: Same<
  Flat<AdapterV1>,
  {
    readonly specVersion: "v1";
    readonly name: string;
    readonly version: string;
    readonly capabilities: AdapterCapabilities;
    resource: (phase: string) => string;
    concurrency?: (phase: string) => number | undefined;
    execute: (request: PhaseRequest, context: AdapterContext) => Promise<PhaseResult>;
    probe?: (signal: AbortSignal) => Promise<AdapterHealth>;
    close?: () => Promise<void>;
  }
> = true;

const isContextFrozen: Same<
  Flat<AdapterContext>,
  {
    readonly jobId: string;
    readonly phase: string;
    readonly attempt: number;
    readonly signal: AbortSignal;
    readonly deadlineAt: number;
    readonly trace?: string;
    readonly logger: PhaseLogger;
    progress: (progress: PhaseProgress) => void;
    savePart: (part: number, output: Json, provenance: Provenance) => Promise<void>;
  }
> = true;

const isRequestFrozen: Same<
  Flat<PhaseRequest>,
  {
    readonly type: string;
    readonly phase: string;
    readonly input: unknown;
    readonly results: Readonly<Record<string, Json>>;
    readonly parts: readonly SavedPart[];
  }
> = true;

const isResultFrozen: Same<
  Flat<PhaseResult>,
  { readonly output: unknown; readonly provenance: Provenance }
> = true;

const areCapabilitiesFrozen: Same<
  Flat<AdapterCapabilities>,
  {
    readonly phases: readonly string[];
    readonly deterministic?: boolean;
    readonly local?: boolean;
  }
> = true;

const isProgressFrozen: Same<
  Flat<PhaseProgress>,
  {
    readonly stage?: KnownStage | (string & {});
    readonly partsDone?: number;
    readonly partsTotal?: number;
    readonly tokens?: number;
    readonly fraction?: number;
  }
> = true;

const adapter: Members<AdapterV1> = {
  specVersion: "required",
  name: "required",
  version: "required",
  capabilities: "required",
  resource: "required",
  concurrency: "optional",
  execute: "required",
  probe: "optional",
  close: "optional",
};

test("version 1 of the adapter contract is what it was", () => {
  const checks = [
    isAdapterFrozen,
    isContextFrozen,
    isRequestFrozen,
    isResultFrozen,
    areCapabilitiesFrozen,
    isProgressFrozen,
  ];

  // The compiler has decided by now; the names are kept in the guide as well.
  expect(checks).not.toContain(false);
});

test("the guide names every member of an adapter", async () => {
  const path = new URL("../../../../docs/writing-an-adapter.md", import.meta.url);
  const guide = await Bun.file(path).text();

  const table = guide.slice(guide.indexOf("| `AdapterV1`"), guide.indexOf("<!-- /AdapterV1 -->"));
  const rows = [...table.matchAll(/^\| `(\w+)` +\| (required|optional) /gm)];

  expect(Object.fromEntries(rows.map(([, name, need]) => [name, need]))).toEqual(adapter);
});
