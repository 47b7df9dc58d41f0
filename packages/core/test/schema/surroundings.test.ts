import { describe, expect, test } from "bun:test";

import {
  createClient,
  createWorker,
  type DatabaseConnection,
  defineRoutine,
  doctor,
  openPool,
  type PhaseLogger,
} from "@leasehold/core";
import { waitForEvent } from "@leasehold/core/testing";
import postgres from "postgres";
import { z } from "zod";

import { toDatabaseError } from "../../src/database/database-errors.ts";
import { isPooled, toDriverUrl } from "../../src/database/pooler.ts";
import { connectionOptions, type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { neighbourLogin } from "../support/surrounding.ts";
import { essayOf, resultOf } from "../support/worker.ts";

const server = useServer();

const essay = essayOf({ draft: async () => resultOf("written") });

describe("behind a pooler that lends connections", () => {
  /** A database is as good without a pooler: what is not asked of it is not asked of a pooler either. */
  async function setup(): Promise<Queue & { readonly marked: DatabaseConnection }> {
    const queue = await setupQueue(await server());
    const marked = isPooled(queue.url) ? queue.url : `${queue.url}?pgbouncer=true`;
    return { ...queue, marked };
  }

  test.each(["a URL", "options"])("that %s tells of, jobs are done without hints", async (how) => {
    await using queue = await setup();
    const told: string[] = [];
    const logger: PhaseLogger = { info: (event) => void told.push(event), warn: () => undefined };
    const connection =
      how === "a URL" ? queue.marked : { ...connectionOptions(queue.url), pooled: true };
    await using client = createClient({ connection, schema: queue.schema });
    await using worker = createWorker({
      connection,
      schema: queue.schema,
      pipelines: [essay],
      pollSeconds: 0.05,
      logger,
    });

    await worker.start();
    const completed = waitForEvent(worker, "job.completed", { timeoutMs: 20_000 });
    await client.enqueue(essay, {});
    await completed;

    expect(told).toEqual(["hints.unheard"]);
    const listeners = await queue.query(
      `select from pg_stat_activity
       where datname = current_database() and query ilike 'listen%' and usename <> $1`,
      neighbourLogin,
    );
    expect(listeners).toHaveLength(0);
  });

  test("nothing is prepared", async () => {
    await using queue = await setup();
    const pool = openPool({
      ...queue,
      connection: queue.marked,
      name: "p",
      max: 1,
      deadlineMs: 9e3,
    });
    await queue.query(
      `create function :"schema".count_prepared(p_text text) returns integer language sql
       as $$ select count(*)::integer from pg_prepared_statements $$`,
    );

    // Without a parameter the driver prepares nothing anyway.
    const count = defineRoutine("count_prepared", ["text"], z.tuple([z.int()]));
    const counts = [await pool.call(count, ["a"]), await pool.call(count, ["b"])];
    await pool.end();

    expect(counts).toEqual([[[0]], [[0]]]);
  });

  test("the doctor says that no hints arrive", async () => {
    await using queue = await setup();

    const findings = await doctor({ connection: queue.marked, schema: queue.schema });

    expect(findings.find(({ check }) => check === "hints")).toMatchObject({ status: "warn" });
  });

  test.each(["26000", "42P05"])("that nobody told of, SQLSTATE %s asks for the word", (code) => {
    const error = toDatabaseError({ code }, "claim_jobs");

    expect(error).toMatchObject({ code: "config_invalid", scope: "config", retryable: false });
    expect(error.message).toContain("pgbouncer=true");
  });

  test("the mark is taken out of a URL, wherever it stands", () => {
    const urls = [
      "?pgbouncer=true",
      "?a=1&pgbouncer=true",
      "?pgbouncer=true&a=1",
      "?pgbouncer=false",
    ];

    expect(urls.map((query) => toDriverUrl(`postgres://h/d${query}`))).toEqual([
      "postgres://h/d",
      "postgres://h/d?a=1",
      "postgres://h/d?a=1",
      "postgres://h/d",
    ]);
    expect(urls.map((query) => isPooled(`postgres://h/d${query}`))).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(isPooled("postgres://h/d")).toBe(false);
  });
});

describe("where transactions are serializable by default", () => {
  async function setup(): Promise<Queue> {
    const one = await server();
    const other = await one.createDatabase();
    const name = new URL(other.urlAs("postgres").replace(/@[^/]+/, "@host")).pathname.slice(1);
    const admin = postgres(other.urlAs("postgres"), { max: 1, onnotice: () => undefined });
    await admin.unsafe(`alter database ${name} set default_transaction_isolation = 'serializable'`);
    await admin.end();
    return await setupQueue(other);
  }

  test("ours are read committed all the same, alone and together", async () => {
    await using queue = await setup();
    const pool = openPool({ ...queue, connection: queue.url, name: "p", max: 1, deadlineMs: 9e3 });
    await queue.query(
      `create function :"schema".tell_level() returns text language sql
       as $$ select current_setting('transaction_isolation') $$`,
    );
    const tell = defineRoutine("tell_level", [], z.tuple([z.string()]));

    const alone = await pool.call(tell, []);
    let together: unknown;
    await pool.transaction(async (transaction) => {
      together = await transaction.call(tell, []);
    });
    await pool.end();

    expect([alone, together]).toEqual([[["read committed"]], [["read committed"]]]);
  });

  test("two that claim at once never have the same job, and neither is refused", async () => {
    await using queue = await setup();
    for (let job = 0; job < 40; job += 1) await queue.enqueue();

    const claims = await Promise.all(Array.from({ length: 8 }, () => queue.claim({ limit: 5 })));

    const ids = claims.flat().map(({ jobId }) => jobId);
    expect(new Set(ids).size).toBe(40);
  });
});

describe("a call that Postgres could not put in order with others", () => {
  /** Refused so many times: a sequence forgets nothing when a transaction is undone. */
  async function setup(refusals: number): Promise<Queue & { ask(): Promise<unknown> }> {
    const queue = await setupQueue(await server());
    await queue.query('create sequence :"schema".calls');
    await queue.query(
      `create function :"schema".be_refused() returns bigint language plpgsql as $$
       declare v_call bigint := nextval('"${queue.schema}".calls');
       begin
         if v_call <= ${refusals} then raise exception using errcode = '40001'; end if;
         return v_call;
       end $$`,
    );
    const pool = openPool({ ...queue, connection: queue.url, name: "p", max: 1, deadlineMs: 9e3 });
    const routine = defineRoutine("be_refused", [], z.tuple([z.string()]));
    return {
      ...queue,
      ask: () => pool.call(routine, []),
      async [Symbol.asyncDispose]() {
        await pool.end();
        await queue[Symbol.asyncDispose]();
      },
    };
  }

  test("is made again", async () => {
    await using queue = await setup(3);

    expect(await queue.ask()).toEqual([["4"]]);
  });

  test("is given up when it is refused again and again", async () => {
    await using queue = await setup(100);

    const error = await queue.ask().catch((thrown: unknown) => thrown);

    expect(error).toMatchObject({ code: "database_unavailable", adapterCode: "sqlstate_40001" });
    expect(await queue.query('select last_value::integer as ct from :"schema".calls')).toEqual([
      { ct: 5 },
    ]);
  });
});
