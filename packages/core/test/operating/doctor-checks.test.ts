import { describe, expect, test } from "bun:test";

import type { DoctorCheck, Finding } from "@leasehold/core";

import { type DoctorFacts, judge } from "../../src/doctor/doctor-checks.ts";
import { find } from "../support/findings.ts";

describe("judge", () => {
  const healthy: DoctorFacts = {
    needed: { core: 1 },
    skew: { ms: 0, plusMinusMs: 1 },
    isHinted: true,
    snapshotSecondsMax: 60,
    schema: {
      versions: { core: 1 },
      missing: [],
      hidden: [],
      clock_back_ms: null,
      tables: [{ name: "ready", live: 10, dead: 0, is_vacuumed: true }],
      claims_by_index: true,
      paused: [],
      away: [],
      workers: { live: 1, silent: [] },
    },
    server: {
      now_ms: 0,
      login: "worker",
      is_superuser: false,
      sees_sessions: true,
      is_read_only: false,
      settings: { autovacuum: "on", track_counts: "on", fsync: "on" },
      connections: [{ of: "the server", used: 10, max: 100 }],
      snapshot: null,
      prepared: [],
      slots: [],
    },
  };
  const { schema, server: host } = healthy;
  const held = { pid: 7, name: "a report", state: "active" };

  test("finds nothing where there is nothing", () => {
    expect(judge(healthy).filter(({ status }) => status !== "ok")).toEqual([]);
  });

  // What cannot be staged on a server that others use, and the bounds of what can.
  test.each<[string, DoctorCheck, Finding["status"], Partial<DoctorFacts>, string]>([
    ["a clock ahead", "clock", "warn", { skew: { ms: 5_000, plusMinusMs: 100 } }, "5 s ahead"],
    ["a clock behind", "clock", "warn", { skew: { ms: -5_000, plusMinusMs: 100 } }, "5 s behind"],
    ["a slow answer", "clock", "ok", { skew: { ms: 5_000, plusMinusMs: 4_500 } }, "agrees"],
    ["silence", "hints", "warn", { isHinted: false }, "PgBouncer"],
    [
      "a prepared transaction",
      "prepared_transactions",
      "fail",
      { server: { ...host, prepared: [{ name: "left", seconds: 61 }] } },
      "left for 61 s",
    ],
    [
      "a young prepared transaction",
      "prepared_transactions",
      "ok",
      { server: { ...host, prepared: [{ name: "new", seconds: 60 }] } },
      "No prepared",
    ],
    [
      "a transaction of minutes",
      "snapshot",
      "warn",
      { server: { ...host, snapshot: { ...held, seconds: 61 } } },
      "pid 7 (a report, active)",
    ],
    [
      "a transaction of an hour",
      "snapshot",
      "fail",
      { server: { ...host, snapshot: { ...held, seconds: 3_600 } } },
      "3600 s",
    ],
    [
      "a server without autovacuum",
      "vacuum",
      "fail",
      { server: { ...host, settings: { ...host.settings, autovacuum: "off" } } },
      "autovacuum off",
    ],
    [
      "sessions that are not seen",
      "snapshot",
      "ok",
      { server: { ...host, sees_sessions: false } },
      "pg_read_all_stats",
    ],
    [
      "dead rows of a table that is large",
      "dead_rows",
      "ok",
      { schema: { ...schema, tables: [{ name: "job", live: 1e6, dead: 5e4, is_vacuumed: true }] } },
      "No table",
    ],
    [
      "another bundle that is missing",
      "schema",
      "fail",
      { needed: { core: 1, learning: 1 } },
      "learning is at 0",
    ],
    [
      "more than can be listed",
      "paused",
      "warn",
      { schema: { ...schema, paused: Array.from({ length: 25 }, (_, n) => `queue ${n}`) } },
      "and 5 more",
    ],
  ])("knows %s", (...[, check, status, facts, words]) => {
    const finding = find(judge({ ...healthy, ...facts }), check);

    expect(finding.status).toBe(status);
    expect(finding.message).toContain(words);
  });
});
