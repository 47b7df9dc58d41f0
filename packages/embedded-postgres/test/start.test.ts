import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname } from "node:path";

import postgres from "postgres";

import { EmbeddedPostgresError } from "../src/index.ts";
import { caught, query, removeSeed, setup, timeoutMs, waitUntil } from "./setup.ts";

afterAll(removeSeed);

/** The folder in the temp folder that a server's URL leads to. */
function runFolderOf(url: string): string {
  return dirname(decodeURIComponent(/@([^,]+),/.exec(url)?.[1] ?? ""));
}

test(
  "starts on an empty folder and answers as an ordinary login",
  async () => {
    await using bench = await setup();

    const database = await bench.start();
    const row = await query(
      database.url,
      `select session_user, current_database(), pg_get_userbyid(datdba), rolsuper, rolcreaterole, rolcreatedb
         from pg_database, pg_roles where datname = current_database() and rolname = session_user`,
    );

    expect(row).toEqual(["leasehold", "leasehold", "leasehold", false, false, false]);
    expect(database).toMatchObject({ found: "started", origin: "bundled", version: "18.4" });
    expect(
      await query(database.adminUrl, "select rolsuper from pg_roles where rolname = session_user"),
    ).toEqual([true]);
  },
  timeoutMs,
);

test(
  "listens on no network port",
  async () => {
    await using bench = await setup({ seeded: true });

    const database = await bench.start();

    expect(await query(database.url, "show listen_addresses")).toEqual([""]);
  },
  timeoutMs,
);

test(
  "joins a server that runs, and stops it only when the last member leaves",
  async () => {
    await using bench = await setup({ seeded: true });
    const first = await bench.start();

    const second = await bench.start();
    await first.stop();

    expect(second.found).toBe("joined");
    expect(second.url).toBe(first.url);
    expect(await query(second.url, "select 1")).toEqual([1]);
    await second.stop();
    expect(await bench.listServers()).toEqual([]);
    expect(existsSync(runFolderOf(second.url))).toBe(false);
  },
  timeoutMs,
);

test(
  "keeps the data for the next start",
  async () => {
    await using bench = await setup({ seeded: true });
    const before = await bench.start();
    await query(before.url, "create table kept as select 42 as answer");
    await before.stop();

    const after = await bench.start();

    expect(after.found).toBe("started");
    expect(after.url).toBe(before.url);
    expect(await query(after.url, "select answer from kept")).toEqual([42]);
  },
  timeoutMs,
);

test(
  "stops while a session is in the middle of a statement, and twice without harm",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    const sql = postgres(database.url, { max: 1 });
    const asleep = sql`select pg_sleep(3600)`.catch((error: unknown) => error);
    const sleepers = "select count(*)::int from pg_stat_activity where wait_event = 'PgSleep'";
    await waitUntil(async () => (await query(database.adminUrl, sleepers))[0] === 1);

    await Promise.all([database.stop(), database.stop()]);

    expect(await bench.listServers()).toEqual([]);
    expect(await asleep).toBeInstanceOf(Error);
    await sql.end({ timeout: 1 });
  },
  timeoutMs,
);

test(
  "creates databases for the ordinary login",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();

    const url = await database.createDatabase("of-a_Test1");

    expect(url).toBe(database.databaseUrl("of-a_Test1"));
    expect(await query(url, "create table t as select current_database()")).toEqual([]);
    expect(database.databaseUrl("of-a_Test1", "postgres")).toStartWith("postgres://postgres@");
  },
  timeoutMs,
);

test(
  "drops a database that is in use, and minds none that is not there",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    const sql = postgres(await database.createDatabase("short-lived"), { max: 1 });
    await sql`select 1`;

    await database.dropDatabase("short-lived");
    await database.dropDatabase("short-lived");

    const names = "select count(*)::int from pg_database where datname = 'short-lived'";
    expect(await query(database.url, names)).toEqual([0]);
    await sql.end({ timeout: 1 });
  },
  timeoutMs,
);

test(
  "says so when a database exists, or may not be called so",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    await database.createDatabase("twice");

    const again = (): Promise<string> => database.createDatabase("twice");
    const odd = (): Promise<string> => database.createDatabase('a"b');

    expect(await caught(again())).toMatchObject({ code: "database_exists" });
    expect(await caught(odd())).toMatchObject({ code: "option_invalid" });
    expect(() => database.databaseUrl("a/b")).toThrow(EmbeddedPostgresError);
  },
  timeoutMs,
);

test(
  "gives a URL that psql and Bun.SQL understand, whatever PGPORT says",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    const environment = { ...process.env, PGPORT: "9" };
    const program = `import postgres from ${JSON.stringify(import.meta.resolve("postgres"))};
      const sql = postgres(process.argv[1]);
      console.log((await sql\`select current_user\`)[0].current_user);
      await sql.end();`;
    const bun = new Bun.SQL(database.url);

    const psql = runPsql(database.url, environment);
    const driver = spawnSync(process.execPath, ["-e", program, database.url], {
      env: environment,
      encoding: "utf8",
    });
    const [row]: readonly unknown[] = await bun`select current_user`;
    await bun.end();

    if (psql !== undefined) expect(psql).toBe("leasehold\n");
    expect(driver.stdout).toBe("leasehold\n");
    expect(row).toEqual({ current_user: "leasehold" });
  },
  timeoutMs,
);

function runPsql(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const { error, stdout, stderr } = spawnSync("psql", [url, "-Atc", "select current_user"], {
    env,
    encoding: "utf8",
  });
  if (error === undefined) return stdout === "" ? stderr : stdout;
  process.stdout.write("psql is not installed here: its URL is not tried.\n");
  return undefined;
}

test(
  "keeps the socket's path short for a deep data folder",
  async () => {
    const deep = Array.from({ length: 12 }, () => "a-folder-with-a-long-name").join("/");
    await using bench = await setup({ parent: deep });

    const database = await bench.start();

    expect(bench.dataDir.length).toBeGreaterThan(300);
    expect(await query(database.url, "select 1")).toEqual([1]);
    expect(database.url.length).toBeLessThan(120);
  },
  timeoutMs,
);

test(
  "gives up when the caller says so, and leaves nothing running",
  async () => {
    await using bench = await setup();
    const caller = new AbortController();

    const starting = bench.start({ signal: caller.signal });
    await waitUntil(async () =>
      (await readdir(bench.dataDir).catch(() => [])).some((name) => name.startsWith("draft")),
    );
    caller.abort(new Error("Changed my mind."));

    expect(await caught(starting)).toBe(caller.signal.reason);
    expect(await bench.listServers()).toEqual([]);
    expect((await bench.start()).found).toBe("started");
  },
  timeoutMs,
);
