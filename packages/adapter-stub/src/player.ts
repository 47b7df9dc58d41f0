import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";

import { ModelError, type ModelErrorOptions, type ModelRequest } from "@leasehold/model";

import type { Spoil } from "./answer-request.ts";
import { findStubMarkers, parseStubScript, type StubAct, type StubActName } from "./stub-script.ts";

/** Plays the acts of a script, and remembers how often each was played. */
export interface Player {
  /** Throws, waits or never returns, as the acts say; answers what the answer must be spoiled by. */
  play(request: ModelRequest, signal: AbortSignal): Promise<Spoil | undefined>;
}

export interface PlayerOptions {
  readonly script?: string;
  readonly markers?: boolean;
  crash?(): void | Promise<void>;
}

/** An act and what its plays are counted under. */
interface Cue {
  readonly act: StubAct;
  readonly key: string;
}

/** Acts whose plays are remembered; the oldest is forgotten for a new one. */
const keysMax = 10_000;

export function createPlayer(options: PlayerOptions): Player {
  const scripted = options.script === undefined ? [] : parseStubScript(options.script);
  const ownCues = scripted.map((act, index): Cue => ({ act, key: `script/${index}` }));
  const plays = new Map<string, number>();
  return {
    async play(request, signal) {
      const cues = options.markers === true ? [...ownCues, ...findCues(request)] : ownCues;
      let spoil: Spoil | undefined;
      for (const { act, key } of cues) {
        if (act.name === "slow") await waitObediently(act.count, signal);
        else if (isDue(plays, key, act.count)) {
          spoil =
            (await playAct(act.name, { signal, crash: async () => options.crash?.() })) ?? spoil;
        }
      }
      return spoil;
    },
  };
}

/**
 * Counts by the line that carries the marker: it is the same in every step and attempt of a job, and in the request that
 * asks again, while the text around it may differ. Assistants' messages are the stub's own and steer nothing.
 */
function findCues({ messages }: ModelRequest): readonly Cue[] {
  return messages
    .filter(({ role }) => role !== "assistant")
    .flatMap(({ content }) => findStubMarkers(content))
    .flatMap(({ acts, line }) => {
      const hash = createHash("sha256").update(line.trim()).digest("hex");
      return acts.map((act) => ({ act, key: `${hash}/${act.name}` }));
    });
}

function isDue(plays: Map<string, number>, key: string, times: number): boolean {
  const played = plays.get(key) ?? 0;
  if (played >= times) return false;
  plays.set(key, played + 1);
  if (plays.size > keysMax) {
    const [oldest] = plays.keys();
    if (oldest !== undefined) plays.delete(oldest);
  }
  return true;
}

interface Stage {
  readonly signal: AbortSignal;
  crash(): Promise<void>;
}

async function playAct(
  name: Exclude<StubActName, "slow">,
  stage: Stage,
): Promise<Spoil | undefined> {
  switch (name) {
    case "invalid":
    case "truncated":
      return name;
    case "hang":
      return waitForAbort(stage.signal);
    case "hang-deaf":
      return new Promise(() => {});
    case "crash":
      await stage.crash();
      throw toFailure("crash");
    default:
      throw toFailure(name);
  }
}

type FailureName = Exclude<StubActName, "hang" | "hang-deaf" | "invalid" | "slow" | "truncated">;

const failures: Readonly<
  Record<FailureName, readonly [ModelError["code"], Omit<ModelErrorOptions, "adapterCode">]>
> = {
  busy: ["backend_busy", { scope: "backend", retryable: true, retryAfterMs: 1_000 }],
  crash: ["backend_failed", { scope: "job", retryable: true }],
  missing: ["model_missing", { scope: "config", retryable: false }],
  outage: ["backend_unreachable", { scope: "backend", retryable: true }],
  permanent: ["input_unsupported", { scope: "job", retryable: false }],
  runaway: ["output_runaway", { scope: "job", retryable: true }],
  timeout: ["backend_timeout", { scope: "backend", retryable: true }],
  transient: ["backend_failed", { scope: "job", retryable: true }],
};

function toFailure(name: FailureName): ModelError {
  const [code, options] = failures[name];
  const adapterCode = `stub_${name}`;
  return new ModelError(code, `The stub acts out "${name}".`, { ...options, adapterCode });
}

/** Throws `aborted` once nobody waits for the call any more. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw toAborted();
}

function toAborted(): ModelError {
  return new ModelError("aborted", "The stub was stopped.", { scope: "backend", retryable: true });
}

async function waitObediently(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch {
    // The only way a timer fails.
    throw toAborted();
  }
}

function waitForAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(toAborted());
    signal.addEventListener("abort", () => reject(toAborted()), { once: true });
  });
}
