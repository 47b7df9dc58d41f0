import type { SchemaFacts, ServerFacts } from "./doctor-routines.ts";

/** One thing that was looked at. `warn`: work goes on, for now. `fail`: something that is promised does not hold. */
export interface Finding {
  readonly check: DoctorCheck;
  readonly status: "ok" | "warn" | "fail";
  /** What it is, where, and what to do. */
  readonly message: string;
}

const judged = [
  "schema",
  "grants",
  "row_security",
  "plan",
  "writes",
  "login",
  "durability",
  "clock",
  "snapshot",
  "prepared_transactions",
  "replication_slots",
  "vacuum",
  "dead_rows",
  "connections",
  "hints",
  "paused",
  "resources",
  "workers",
  "silent_workers",
] as const;

export type DoctorCheck = "database" | (typeof judged)[number];

/** Everything that findings are judged by. */
export interface DoctorFacts {
  readonly schema: SchemaFacts;
  readonly server: ServerFacts;
  /** The version that this code needs, by bundle. */
  readonly needed: Readonly<Record<string, number>>;
  /** How far the database's clock is ahead of this machine's, and how sure that is. */
  readonly skew: { readonly ms: number; readonly plusMinusMs: number };
  /** Whether a hint arrived that was sent. Undefined: nobody listened. */
  readonly isHinted: boolean | undefined;
  readonly snapshotSecondsMax: number;
}

/** Clocks that differ by less are as good as the same. */
const skewMsMax = 1_000;
/** Dead rows of a table, at least so many and so large a part of it, slow down who looks for the live ones. */
const deadRowsMax = 10_000;
const deadShareMax = 0.1;
/** A worker opens about so many connections. */
const connectionsLeftMin = 10;
const snapshotFactorOfFailure = 15;

type Verdict = Omit<Finding, "check">;

const ok = (message: string): Verdict => ({ status: "ok", message });
const warn = (message: string): Verdict => ({ status: "warn", message });
const fail = (message: string): Verdict => ({ status: "fail", message });

type Judge = (facts: DoctorFacts) => Verdict;

const judges: Readonly<Record<(typeof judged)[number], Judge>> = {
  schema({ schema, needed }) {
    const differ = (isWrong: (has: number, needs: number) => boolean): readonly string[] =>
      Object.entries(needed).flatMap(([bundle, needs]) => {
        const has = schema.versions[bundle] ?? 0;
        return isWrong(has, needs) ? [`${bundle} is at ${has}, needed is ${needs}`] : [];
      });
    const older = differ((has, needs) => has < needs);
    const newer = differ((has, needs) => has > needs);
    if (older.length > 0) return fail(`The schema is too old: ${list(older)}. Run migrate.`);
    if (newer.length > 0) return warn(`The schema is newer: ${list(newer)}. Update this version.`);
    return ok("The schema is at this version.");
  },

  grants({ schema, server }) {
    if (schema.missing.length === 0) return ok("The login may call what a worker calls.");
    return fail(
      `The login ${server.login} may not call ${schema.missing.join(", ")}. Run migrate --roles, or use a login that was granted them.`,
    );
  },

  row_security({ schema }) {
    if (schema.hidden.length === 0) return ok("No row is hidden from the functions.");
    return fail(
      `Row security hides ${list(schema.hidden)} from the owner of the functions, who then finds no jobs. Switch it off there, or give the owner a policy.`,
    );
  },

  plan: ({ schema }) =>
    schema.claims_by_index
      ? ok("A claim goes by its index.")
      : fail(
          "A claim does not go by the index ready_claim, which is gone or broken. Make it anew.",
        ),

  writes: ({ server }) =>
    server.is_read_only
      ? fail("The server takes no writes: it is a replica, or read-only. Name the primary.")
      : ok("The server takes writes."),

  login: ({ server }) =>
    server.is_superuser
      ? warn(`The login ${server.login} is a superuser. Use an ordinary one.`)
      : ok(`The login ${server.login} is an ordinary one.`),

  durability({ server }) {
    const off = ["fsync", "full_page_writes", "synchronous_commit"].filter(
      (name) => server.settings[name] === "off",
    );
    if (off.length === 0) return ok("What is acknowledged survives a crash.");
    return warn(`A crash may lose what was acknowledged: ${list(off)} off. Switch it on.`);
  },

  clock({ schema, skew }) {
    if (schema.clock_back_ms !== null && schema.clock_back_ms > skewMsMax) {
      return warn(
        `The database's clock went back by ${seconds(schema.clock_back_ms / 1_000)}. Workers follow it within a minute; find out who sets it.`,
      );
    }
    const far = Math.abs(skew.ms) - skew.plusMinusMs;
    if (far > skewMsMax) {
      const where = skew.ms > 0 ? "ahead of" : "behind";
      return warn(
        `The database's clock is ${seconds(Math.abs(skew.ms) / 1_000)} ${where} this machine's. Leases go by the database's; set both by NTP.`,
      );
    }
    return ok("The database's clock agrees with this machine's.");
  },

  snapshot({ server, snapshotSecondsMax }) {
    const { snapshot } = server;
    if (snapshot === null || snapshot.seconds <= snapshotSecondsMax) {
      const unseen = "Sessions of other logins are not seen: grant pg_read_all_stats for that.";
      return ok(`No transaction is old.${server.sees_sessions ? "" : ` ${unseen}`}`);
    }
    const who = `pid ${snapshot.pid} (${snapshot.name ?? "unnamed"}, ${snapshot.state ?? "unknown"})`;
    const message = `A transaction of ${who} has been open for ${seconds(snapshot.seconds)}: dead rows are kept for it, and claims grow slower. End it.`;
    return snapshot.seconds > snapshotSecondsMax * snapshotFactorOfFailure
      ? fail(message)
      : warn(message);
  },

  prepared_transactions({ server, snapshotSecondsMax }) {
    const old = server.prepared.filter(({ seconds: age }) => age > snapshotSecondsMax);
    if (old.length === 0) return ok("No prepared transaction is old.");
    return fail(
      `Prepared transactions keep their locks and all dead rows: ${list(old.map((each) => `${each.name} for ${seconds(each.seconds)}`))}. Commit them, or roll them back.`,
    );
  },

  replication_slots({ server }) {
    const left = server.slots.filter(({ is_active: isActive }) => !isActive);
    if (left.length === 0) return ok("No replication slot is left behind.");
    return warn(
      `Nobody reads from replication slots: ${list(left.map(({ name, keeps }) => `${name} keeps ${keeps}`))}. Drop them, or start who reads.`,
    );
  },

  vacuum({ schema, server }) {
    const off = ["autovacuum", "track_counts"].filter((name) => server.settings[name] === "off");
    if (off.length > 0) return fail(`Nothing is vacuumed: ${list(off)} off. Switch it on.`);
    const tables = schema.tables.filter((table) => !table.is_vacuumed).map(({ name }) => name);
    if (tables.length === 0) return ok("Every table is vacuumed.");
    return warn(`Autovacuum is switched off for ${list(tables)}. Reset autovacuum_enabled there.`);
  },

  dead_rows({ schema }) {
    const bloated = schema.tables.filter(
      ({ live, dead }) => dead > deadRowsMax && dead > live * deadShareMax,
    );
    if (bloated.length === 0) return ok("No table is full of dead rows.");
    return warn(
      `Dead rows: ${list(bloated.map(({ name, dead }) => `${name} has ${dead}`))}. Find who keeps them (snapshot, prepared_transactions, replication_slots), then vacuum.`,
    );
  },

  connections({ server }) {
    const scarce = server.connections.filter(
      ({ used, max }) => max !== null && max - used < connectionsLeftMin,
    );
    if (scarce.length === 0) return ok("There are connections left.");
    return warn(
      `Connections run out: ${list(scarce.map(({ of, used, max }) => `${of} has ${used} of ${max}`))}. Raise the limit, or put a pooler before it.`,
    );
  },

  hints: ({ isHinted }) =>
    isHinted
      ? ok("Hints arrive.")
      : warn(
          "LISTEN hears nothing, as behind PgBouncer in transaction mode: workers find jobs by looking only. Give them a direct connection, or a short poll interval.",
        ),

  paused: ({ schema }) =>
    schema.paused.length === 0
      ? ok("Nothing is paused.")
      : warn(`Paused: ${list(schema.paused)}. Their jobs wait until somebody resumes them.`),

  resources: ({ schema }) =>
    schema.away.length === 0
      ? ok("No resource is away.")
      : warn(`Not asked for now: ${list(schema.away)}. Their jobs wait, uncharged.`),

  workers({ schema }) {
    const { live } = schema.workers;
    return live === 0 ? warn("No worker is there. Start one.") : ok(`${live} workers are there.`);
  },

  silent_workers({ schema }) {
    const { silent } = schema.workers;
    if (silent.length === 0) return ok("No worker fell silent within a day.");
    return warn(
      `Fallen silent without a word within a day: ${list(silent)}. Look at their last lines.`,
    );
  },
};

/** Judges what was found. No message holds a secret, nor anything that a learner wrote. */
export function judge(facts: DoctorFacts): readonly Finding[] {
  return judged
    .filter((check) => check !== "hints" || facts.isHinted !== undefined)
    .map((check) => ({ check, ...judges[check](facts) }));
}

/** More than that are only counted. */
const listedMax = 20;

function list(items: readonly string[]): string {
  const more = items.length - listedMax;
  return items.slice(0, listedMax).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function seconds(value: number): string {
  return `${Math.round(value)} s`;
}
