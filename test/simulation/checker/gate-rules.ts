import type { Postgres } from "../world/postgres.ts";
import type { ProcessState } from "../world/process-state.ts";
import type { Statement } from "../world/statement.ts";
import { typePlans } from "../world/workload.ts";
import type { Ledger } from "./ledger.ts";

/** Judges how workers treat a backend that was down, and whether they ever ask for their lanes again. */
export interface GateRules {
  seen(statement: Statement): void;
  /** A run ended, and may have shown that its backend is back. */
  ended(process: ProcessState, type: string, phase: string): void;
  judgeRest(processes: readonly ProcessState[]): void;
}

export interface GateRulesOptions {
  readonly ledger: Ledger;
  readonly postgres: Postgres;
  readonly now: () => number;
  readonly report: (violation: string) => void;
}

interface Pause {
  readonly since: number;
  readonly until: number;
}

/** A claim that was sent before the gate was shut may still arrive. */
const travelMsMax = 100;
/** A gate is shut for a minute at most; then its lanes are asked for again. */
const laneMsMax = 90_000;

export function createGateRules({ ledger, postgres, now, report }: GateRulesOptions): GateRules {
  const { lanes } = postgres.schema.tables;
  const pauses = new Map<string, Pause>();
  const asked = new Map<string, number>();
  const pauseKey = ({ id }: ProcessState, type: string, phase: string): string =>
    `${id} ${resourceOf(type, phase)}`;

  const judgeClaim = (process: ProcessState, laneIds: readonly number[]): void => {
    for (const laneId of laneIds) {
      asked.set(`${process.id} ${laneId}`, now());
      const lane = lanes[laneId - 1];
      const pause = pauses.get(pauseKey(process, lane?.type ?? "", lane?.phase ?? ""));
      if (pause === undefined || process.lastTroubleAt >= pause.since) continue;
      const isEarly = now() > pause.since + travelMsMax && now() < pause.until;
      if (isEarly && process.stalledUntil < pause.since) {
        report(`${process.name} asks for ${lane?.phase}, whose backend was down a moment ago`);
      }
    }
  };

  return {
    seen(statement) {
      const { process } = statement;
      if (process === undefined) return;
      if (statement.name === "claimJobs") judgeClaim(process, statement.request.lanes);
      if (statement.name !== "outage" || statement.answer.outcome !== "ok") return;
      const job = ledger.grant(statement.lease.grant)?.job;
      const isOwnTrouble = statement.reason.code === "database_unavailable";
      if (job === undefined || isOwnTrouble) return;
      const since = now();
      // Clocks run off, so that the last part of the pause is not held against anybody.
      const until = since + statement.answer.delayMs * 0.9;
      pauses.set(pauseKey(process, job.type.name, job.phase), { since, until });
    },
    ended: (process, type, phase) => void pauses.delete(pauseKey(process, type, phase)),
    judgeRest(processes) {
      for (const process of processes) {
        for (const { id, solo, phase } of lanes) {
          const askedAt = asked.get(`${process.id} ${id}`) ?? 0;
          if (!solo && now() - askedAt > laneMsMax) report(`${process.name} has given up ${phase}`);
        }
      }
    },
  };
}

function resourceOf(type: string, phase: string): string | undefined {
  const plan = typePlans.find(({ name }) => name === type);
  return plan?.phases.find(({ name }) => name === phase)?.resource;
}
