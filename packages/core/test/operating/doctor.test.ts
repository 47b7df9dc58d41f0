import { describe, expect, setDefaultTimeout, test } from "bun:test";

import {
  createDoctor,
  doctor,
  type DoctorCheck,
  type DoctorOptions,
  type DoctorRole,
  type Finding,
} from "@leasehold/core";
import postgres from "postgres";

import { coreSql } from "../../src/schema/lease-sql.ts";
import { migrate } from "../../src/schema/migrate.ts";
import { find } from "../support/findings.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { type ServerDatabase, useServer } from "../support/server.ts";
import { surrounding } from "../support/surrounding.ts";

setDefaultTimeout(60_000);
const server = useServer();

/** A queue in a database of its own, so that what is staged there harms nobody. */
interface Patient extends Queue {
  readonly home: ServerDatabase;
  examine(options?: Partial<DoctorOptions>): Promise<readonly Finding[]>;
  /** As a superuser. */
  stage(text: string): Promise<void>;
}

async function setup(): Promise<Patient> {
  const home = await (await server()).createDatabase();
  const queue = await setupQueue(home);
  const admin = postgres(home.urlAs("postgres"), { max: 1, onnotice: () => undefined });
  return {
    ...queue,
    home,
    examine: (options) => doctor({ connection: queue.url, schema: queue.schema, ...options }),
    stage: async (text) =>
      void (await admin.unsafe(text.replaceAll(':"schema"', `"${queue.schema}"`)).simple()),
    async [Symbol.asyncDispose]() {
      await admin.end({ timeout: 1 });
      await queue[Symbol.asyncDispose]();
    },
  };
}

/** What is not as it should be, but for what is so everywhere: no worker, no fsyncs, and no hints through a pooler. */
function listTroubles(findings: readonly Finding[]): readonly DoctorCheck[] {
  const usual = ["durability", "workers", surrounding.poolerFolder === undefined ? "" : "hints"];
  return findings
    .filter(({ status, check }) => status !== "ok" && !usual.includes(check))
    .map(({ check }) => check);
}

describe("doctor", () => {
  test("finds nothing in a queue that is well, and says so check by check", async () => {
    await using patient = await setup();
    const about = { name: "w", version: "1", types: ["essay/1"], slots: 1, intervalMs: 60_000 };
    await patient.call("note_worker", crypto.randomUUID(), about, 0, 0, false);

    const findings = await patient.examine();

    expect(listTroubles(findings)).toEqual([]);
    expect(find(findings, "workers")).toMatchObject({ status: "ok" });
    expect(find(findings, "durability").message).toContain("fsync");
    expect(findings.length).toBe(20);
    expect(new Set(findings.map(({ check }) => check)).size).toBe(20);
  });

  test.each<[string, DoctorCheck, Finding["status"], string, RegExp]>([
    [
      "a schema that is too old",
      "schema",
      "fail",
      'delete from :"schema".schema_migration where version > 1',
      /core is at 1, needed is \d+\. Run migrate/,
    ],
    [
      "a schema that is newer",
      "schema",
      "warn",
      `insert into :"schema".schema_migration (bundle, version, name, checksum) values ('core', 999, 'x', '')`,
      /core is at 999/,
    ],
    [
      "a table whose rows a policy hides",
      "row_security",
      "fail",
      'alter table :"schema".ready enable row level security; alter table :"schema".ready force row level security',
      /Row security hides ready /,
    ],
    ["an index that is gone", "plan", "fail", 'drop index :"schema".ready_claim', /ready_claim/],
    [
      "a clock that went back",
      "clock",
      "warn",
      `update :"schema".clock_mark set seen_at = :"schema".clock() + interval '1 hour'`,
      /went back by 3\d\d\d s/,
    ],
    [
      "a table that nobody vacuums",
      "vacuum",
      "warn",
      'alter table :"schema".lease set (autovacuum_enabled = false)',
      /switched off for lease\./,
    ],
    [
      "dead rows",
      "dead_rows",
      "warn",
      `alter table :"schema".unique_key set (autovacuum_enabled = off);
       insert into :"schema".unique_key select 'q', n::text, n from generate_series(1, 12000) as n;
       delete from :"schema".unique_key; select pg_stat_force_next_flush()`,
      /unique_key has 12000/,
    ],
    [
      "a pause",
      "paused",
      "warn",
      `select :"schema".pause('type', 'essay', 'why', 2::smallint)`,
      /type essay version 2/,
    ],
    [
      "a resource that is away",
      "resources",
      "warn",
      `select :"schema".set_resource('host/model', 1);
       select :"schema".open_breaker('host/model', null, 'model_missing')`,
      /host\/model \(model_missing\)/,
    ],
  ])("finds %s, and nothing else but what follows", async (...[, check, status, fault, words]) => {
    await using patient = await setup();

    await patient.stage(fault);
    const findings = await patient.examine();

    const finding = find(findings, check);
    expect(finding).toMatchObject({ status, message: expect.stringMatching(words) });
    const others = listTroubles(findings).filter((other) => other !== check);
    // Nobody vacuums the dead rows, and of a hidden table nothing is read at all.
    const follows: Partial<Record<DoctorCheck, readonly DoctorCheck[]>> = {
      dead_rows: ["vacuum"],
      row_security: ["plan"],
    };
    expect(others).toEqual([...(follows[check] ?? [])]);
  });

  test("finds a database that cannot be reached, and names no secret", async () => {
    const connection = "postgres://canary-login:canary-password@127.0.0.1:1/canary-database";

    const findings = await doctor({ connection });

    expect(findings).toMatchObject([{ check: "database", status: "fail" }]);
    expect(JSON.stringify(findings)).not.toContain("canary");
  });

  test("finds that there is no schema", async () => {
    const { url } = await (await server()).createDatabase();

    const findings = await doctor({ connection: url });

    expect(findings).toMatchObject([{ check: "schema", status: "fail" }]);
    expect(findings[0]?.message).toContain("run migrate");
  });

  test("finds a server that takes no writes", async () => {
    await using patient = await setup();
    const name = new URL(patient.home.url).pathname.slice(1);
    await patient.stage(`alter database "${name}" set default_transaction_read_only = on`);

    const findings = await patient.examine();
    await patient.stage(
      `set default_transaction_read_only = off; alter database "${name}" reset default_transaction_read_only`,
    );

    expect(find(findings, "writes")).toMatchObject({ status: "fail" });
  });

  test("finds a login that is a superuser", async () => {
    await using patient = await setup();

    const findings = await patient.examine({ connection: patient.home.urlAs("postgres") });

    expect(find(findings, "login")).toMatchObject({ status: "warn" });
  });

  test("finds connections that run out", async () => {
    await using patient = await setup();
    const name = new URL(patient.home.url).pathname.slice(1);
    await patient.stage(`alter database "${name}" connection limit 12`);

    const findings = await patient.examine();

    expect(find(findings, "connections").message).toMatch(/the database has \d+ of 12/);
  });

  test("finds the transaction that holds the oldest snapshot, and who it is", async () => {
    await using patient = await setup();
    const holder = postgres(patient.url, { max: 1, connection: { application_name: "a report" } });
    await holder.unsafe("begin isolation level repeatable read");
    const [row] = await holder<{ pid: number }[]>`select pg_backend_pid() as pid`;

    const findings = await patient.examine({ snapshotSecondsMax: -1 });
    await holder.end({ timeout: 0 });

    const { message, status } = find(findings, "snapshot");
    expect(status).toBe("fail");
    expect(message).toContain(`pid ${row?.pid ?? 0} (a report, idle in transaction)`);
  });

  test("finds a replication slot that nobody reads from", async () => {
    await using patient = await setup();
    const slot = `slot_${crypto.randomUUID().replaceAll("-", "")}`;
    await patient.stage(`select pg_create_physical_replication_slot('${slot}', true)`);
    try {
      const findings = await patient.examine();

      expect(find(findings, "replication_slots").message).toContain(`${slot} keeps the log`);
    } finally {
      await patient.stage(`select pg_drop_replication_slot('${slot}')`);
    }
  });

  test("finds workers that fell silent, and that none is left", async () => {
    await using patient = await setup();
    const about = { name: "quiet", version: "1", types: [], slots: 1, intervalMs: 1_000 };
    await patient.call("note_worker", crypto.randomUUID(), about, 0, 0, false);
    const before = await patient.examine();
    await patient.database.advance(3_600_000);
    const none = await patient.examine();

    await patient.call("note_worker", crypto.randomUUID(), { ...about, name: "new" }, 0, 0, false);
    const after = await patient.examine();

    const shown = [before, none, after].map((findings) => [
      find(findings, "workers").status,
      find(findings, "silent_workers").status,
    ]);
    expect(shown).toEqual([
      ["ok", "ok"],
      ["warn", "warn"],
      ["ok", "warn"],
    ]);
    expect(find(after, "silent_workers").message).toContain("quiet");
  });

  test("finds a resource that is away where a live worker needs it, and not where none does", async () => {
    await using patient = await setup();
    const about = { name: "w", version: "1", types: [], slots: 1, intervalMs: 60_000 };
    await patient.call("set_resource", "host/model", 1);
    await patient.call("open_breaker", "host/model", null, "model_missing");
    const look = async (lanes?: object): Promise<Finding["status"]> => {
      await patient.call("note_worker", crypto.randomUUID(), { ...about, lanes }, 0, 0, false);
      return find(await patient.examine(), "resources").status;
    };

    const statuses = [
      await look({ "1": "host/other", "2": null }),
      await look({ "1": "host/model" }),
    ];

    expect(statuses).toEqual(["ok", "warn"]);
  });

  test("looks again and again without hints, and tries them when asked to", async () => {
    await using patient = await setup();
    await using again = createDoctor({ connection: patient.url, schema: patient.schema });

    const first = await again.examine();
    const hinted = [await again.examine({ hints: true }), await again.examine({ hints: true })];

    expect(first.map(({ check }) => check)).not.toContain("hints");
    expect(hinted.map((found) => find(found, "hints").status)).toEqual(["ok", "ok"]);
  });
});

describe("a login that may not do everything", () => {
  /** A login with these rights, and what a doctor finds as it. */
  async function examineAs(
    patient: Patient,
    grants: (login: string) => string,
    role: DoctorRole = "worker",
  ): Promise<readonly Finding[]> {
    const login = `login_${crypto.randomUUID().slice(0, 8)}`;
    await patient.stage(`create role ${login} login; ${grants(login)}`);
    try {
      return await patient.examine({ connection: patient.home.urlAs(login), role });
    } finally {
      await patient.stage(`drop owned by ${login}; drop role ${login}`);
    }
  }

  const mayAsk = (login: string): string =>
    `grant usage on schema :"schema" to ${login};
     grant execute on function :"schema".doctor_schema, :"schema".doctor_server to ${login}`;

  test("is told each function that it may not call, by name", async () => {
    await using patient = await setup();

    const findings = await examineAs(
      patient,
      (login) => `${mayAsk(login)}; grant execute on all functions in schema :"schema" to ${login};
        revoke execute on function :"schema".claim_jobs, :"schema".renew_leases from ${login}`,
    );

    const { status, message } = find(findings, "grants");
    expect(status).toBe("fail");
    expect(message).toContain("may not call claim_jobs, renew_leases. Run migrate --roles");
  });

  test("is told what a worker needs, when it may call next to nothing", async () => {
    await using patient = await setup();

    const { message } = find(await examineAs(patient, mayAsk), "grants");

    for (const name of ["claim_jobs", "complete_jobs", "enqueue_jobs", "note_worker"]) {
      expect(message).toContain(name);
    }
    expect(message).not.toMatch(/doctor_schema|move_lease|redact_subject/);
  });

  test("is told what it lacks of what a web application asks, when it is to do no more", async () => {
    await using patient = await setup();

    const findings = await examineAs(
      patient,
      (login) => `${mayAsk(login)}; grant execute on function :"schema".get_queue to ${login}`,
      "limited",
    );

    const { message } = find(findings, "grants");
    expect(message).toContain("get_queue_v2");
    expect(message).not.toMatch(/get_queue,|claim_jobs/);
  });

  test("is told that it may not even ask", async () => {
    await using patient = await setup();

    const findings = await examineAs(patient, () => "select 1");

    expect(findings).toMatchObject([{ check: "grants", status: "fail" }]);
    expect(findings[0]?.message).toContain("doctor_server");
  });
});

test("a doctor knows of every function that the roles were granted", async () => {
  const { url, urlAs } = await (await server()).createDatabase();
  await migrate({ connection: url });
  const admin = postgres(urlAs("postgres"), { max: 1, onnotice: () => undefined });
  const login = `login_${crypto.randomUUID().slice(0, 8)}`;
  await admin.unsafe(`create role ${login} login; grant usage on schema leasehold to ${login};
    grant execute on function leasehold.doctor_schema, leasehold.doctor_server to ${login}`);

  const findings = await doctor({ connection: urlAs(login) });
  await admin.unsafe(`drop owned by ${login}; drop role ${login}`);
  await admin.end();

  const names = [...(coreSql.grants ?? "").matchAll(/:"schema"\.(\w+)(?=[,\s])/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !["doctor_schema", "doctor_server", "job"].includes(name));
  expect(names.length).toBeGreaterThan(20);
  const { message } = find(findings, "grants");
  expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(message))).toEqual([]);
});
