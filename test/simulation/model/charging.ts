import type { Counter, Lease } from "./rows.ts";
import type { Charge, Move, Schema, SchemaFunctions } from "./schema.ts";
import { laneOf } from "./settling.ts";

/** What an attempt costs, and how long the next one waits. */
export function createCharging(
  schema: Schema,
): Pick<SchemaFunctions, "backoffMs" | "chargeLease" | "isServerTrouble"> {
  return {
    chargeLease: (lease, move, code) => chargeLease(schema, { lease, move, code }),
    // backoff_ms.sql
    backoffMs(count, { backoffBaseMs, backoffCapMs }, jobId) {
      const doublings = Math.min(Math.max(count, 1), 31) - 1;
      return schema.server.jitter(Math.min(backoffCapMs, backoffBaseMs * 2 ** doublings), jobId);
    },
    // is_server_trouble.sql
    isServerTrouble: (sqlstate) =>
      troubleStates.has(sqlstate) || troubleClasses.has(sqlstate.slice(0, 2)),
  };
}

const troubleStates = new Set([
  "25006",
  "40001",
  "40P01",
  "55P03",
  "57014",
  "57P01",
  "57P02",
  "57P03",
]);
const troubleClasses = new Set(["08", "53", "58"]);

/** charge_lease.sql */
function chargeLease(
  schema: Schema,
  { lease, move, code }: { lease: Lease; move: Move; code: string | undefined },
): Charge {
  const { functions, tables } = schema;
  const lane = laneOf(schema, lease);
  const type = tables.jobTypes.get(lane.type);
  if (type === undefined) throw new Error(`There is no type ${lane.type}.`);
  const failed = move === "retry" || move === "effect" ? 1 : 0;
  const lost = move === "lapse" && lease.startedAt !== undefined ? 1 : 0;
  const outage = move === "outage" ? 1 : 0;
  if (failed + lost + outage === 0) return { state: "queued", delayMs: 0, solo: lease.solo };

  const counter = addToCounter(schema, lease.jobId, {
    phase: lane.phase,
    failures: failed,
    losses: lost,
    lossesAlone: lease.solo ? lost : 0,
    outages: outage,
    lastCode: code,
  });
  if (failed === 1) {
    return {
      state: counter.failures > type.retriesMax ? "dead" : "queued",
      delayMs: functions.backoffMs(counter.failures, type, lease.jobId),
      solo: lease.solo,
    };
  }
  if (outage === 1) {
    const bounds = { ...type, backoffBaseMs: 10_000, backoffCapMs: 60_000 };
    const delayMs = functions.backoffMs(counter.outages, bounds, lease.jobId);
    return { state: "queued", delayMs, solo: lease.solo };
  }
  const counters = tables.jobCounter.get(lease.jobId) ?? [];
  const losses = counters.reduce((sum, row) => sum + row.losses, 0);
  const lossesAlone = counters.reduce((sum, row) => sum + row.lossesAlone, 0);
  const isUsedUp = losses >= type.lossesMax && lossesAlone >= 1;
  return { state: isUsedUp ? "dead" : "queued", delayMs: 0, solo: true };
}

function addToCounter({ tables }: Schema, jobId: number, added: Counter): Counter {
  const rows = tables.jobCounter.get(jobId) ?? [];
  const before = rows.find(({ phase }) => phase === added.phase);
  const after =
    before === undefined
      ? added
      : {
          phase: added.phase,
          failures: before.failures + added.failures,
          losses: before.losses + added.losses,
          lossesAlone: before.lossesAlone + added.lossesAlone,
          outages: before.outages + added.outages,
          lastCode: added.lastCode,
        };
  tables.jobCounter.set(jobId, [...rows.filter((row) => row !== before), after]);
  return after;
}
