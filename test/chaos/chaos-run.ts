import { tmpdir } from "node:os";
import { join } from "node:path";

import { createRandom } from "../simulation/world/random.ts";
import { type ArenaOptions, type ChaosArena, openArena } from "./chaos-arena.ts";
import { checkEvidence, type Verdict } from "./checker.ts";
import type { Evidence } from "./evidence.ts";
import type { Crash } from "./fleet.ts";
import { saveHistory } from "./history.ts";
import { createNemesis, type DisasterCounts, planDisasters } from "./nemesis.ts";

export interface ChaosOptions extends Pick<ArenaOptions, "settings"> {
  readonly jobs: number;
  readonly disasters: DisasterCounts;
  /** Chooses disasters and victims. Processes do not replay, so a seed gives the same plan and not the same run. */
  readonly seed: number;
}

export interface ChaosReport {
  readonly evidence: Evidence;
  readonly verdict: Verdict;
  /** From the first job to the end of the last worker. */
  readonly seconds: number;
  /** Ends of workers that nobody ordered. */
  readonly crashes: readonly Crash[];
  /** How long workers took to go that were dismissed, in milliseconds. */
  readonly dismissals: readonly number[];
  /** The file with everything that the processes said, when a promise was broken. */
  readonly historyFile: string | undefined;
}

/** Waiting jobs, in terms of what is done between two disasters. */
const backlogShares = 4;
/** At most this long after its time a disaster strikes, so that it meets jobs at any point of their lives. */
const hesitationMs = 100;

/** Lets workers do jobs on a Postgres while both are killed, over and over, and looks what became of the promises. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { jobs, disasters, seed } = options;
  await using arena = await openArena(options);
  const random = createRandom(seed, "disasters");
  const nemesis = createNemesis(arena, random);

  const plan = planDisasters(disasters, random);
  // Disasters are spread over the work and not over time: all of them meet workers that are busy.
  const share = jobs / (plan.length + 1);
  for (const [index, disaster] of plan.entries()) {
    const fed = Math.min(jobs, Math.ceil(share * (index + backlogShares)));
    await arena.feeder.feedTo(fed);
    await arena.backlog.shrinkTo(fed - Math.floor(share * (index + 1)));
    await Bun.sleep(random.between(0, hesitationMs));
    await nemesis.strike(disaster);
  }
  await arena.feeder.feedTo(jobs);
  return await judge(arena);
}

/** Waits for the last job, sends the workers home, and looks what became of the promises. */
export async function judge(arena: ChaosArena): Promise<ChaosReport> {
  const { fleet } = arena;
  await arena.backlog.shrinkTo(0);
  await fleet.disband();
  const seconds = (performance.now() - arena.openedAt) / 1_000;
  const evidence = await arena.readEvidence();
  const verdict = checkEvidence(evidence);
  const crashes = arena.crashes();
  const isBroken = verdict.violations.length + crashes.length > 0;
  const historyFile = isBroken
    ? join(tmpdir(), `leasehold-chaos-${crypto.randomUUID()}.jsonl`)
    : undefined;
  if (historyFile !== undefined) await saveHistory(historyFile, evidence.history);
  return { evidence, verdict, seconds, crashes, dismissals: fleet.dismissals(), historyFile };
}
