import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { caught, nobody, query, removeSeed, setup, timeoutMs } from "./setup.ts";
import type { Bench } from "./setup.ts";

afterAll(removeSeed);

const isRoot = process.getuid?.() === 0;

/** Something that looks like a cluster of that version. */
async function plantCluster(bench: Bench, name: string, version: string): Promise<string> {
  const path = join(bench.dataDir, name);
  await mkdir(path, { recursive: true, mode: 0o700 });
  await writeFile(join(path, "PG_VERSION"), `${version}\n`);
  if (isRoot) await chown(path, nobody.uid, nobody.gid);
  return path;
}

test("refuses a cluster of another version than its folder says", async () => {
  await using bench = await setup();
  await plantCluster(bench, "pg18", "19");

  const starting = bench.start();

  expect(await caught(starting)).toMatchObject({
    code: "cluster_version",
    message: expect.stringContaining("made by PostgreSQL 19"),
  });
});

test("refuses a newer cluster instead of starting an empty one beside it", async () => {
  await using bench = await setup();
  await plantCluster(bench, "pg99", "99");

  const starting = bench.start();

  expect(await caught(starting)).toMatchObject({
    code: "cluster_version",
    message: expect.stringContaining("holds clusters of PostgreSQL 99"),
  });
});

test("refuses a folder that is itself a cluster", async () => {
  await using bench = await setup();
  await plantCluster(bench, ".", "18");
  if (isRoot) await chown(bench.dataDir, 0, 0);

  const starting = bench.start();

  expect(await caught(starting)).toMatchObject({ code: "data_folder_unusable" });
});

test("refuses to overwrite what is no cluster", async () => {
  await using bench = await setup();
  await mkdir(join(bench.dataDir, "pg18", "holiday-photos"), { recursive: true });

  const starting = bench.start();

  expect(await caught(starting)).toMatchObject({ code: "data_folder_unusable" });
});

test("says which folder cannot be made", async () => {
  await using bench = await setup();
  await writeFile(bench.dataDir, "a file");

  const starting = bench.start({ dataDir: join(bench.dataDir, "inside") });

  expect(await caught(starting)).toMatchObject({
    code: "data_folder_unusable",
    message: expect.stringContaining("ENOTDIR"),
  });
});

test(
  "quotes the server's last words when it does not start",
  async () => {
    await using bench = await setup({ seeded: true });
    await appendFile(join(bench.dataDir, "pg18", "postgresql.conf"), "shared_buffers = nonsense\n");

    const starting = bench.start();

    expect(await caught(starting)).toMatchObject({
      code: "start_failed",
      message: expect.stringContaining('invalid value for parameter "shared_buffers"'),
    });
  },
  timeoutMs,
);

test(
  "gives up in time, quotes the server's last words and leaves nothing running",
  async () => {
    await using bench = await setup({ seeded: true });
    // It starts, but lets nobody in.
    await appendFile(join(bench.dataDir, "pg18", "postgresql.conf"), "pre_auth_delay = 60\n");

    const starting = bench.start({ startTimeoutMs: 2_000 });

    expect(await caught(starting)).toMatchObject({
      code: "start_timeout",
      message: expect.stringContaining("ready to accept connections"),
    });
    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);

test(
  "keeps statements and values out of the server's log",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    const failing = query(database.url, "select 'what a learner wrote'::int");

    expect(await caught(failing)).toHaveProperty("message", expect.stringContaining("learner"));

    const log = await Bun.file(join(bench.dataDir, "pg18.log")).text();
    expect(log).toContain("ready to accept connections");
    expect(log).not.toContain("learner");
  },
  timeoutMs,
);

test(
  "refuses to join a server without durability that others use, and restarts one that nobody uses",
  async () => {
    await using bench = await setup({ seeded: true });
    const careless = bench.spawnMember({ options: { durability: "none" } });
    await careless.next("entered");

    const early = bench.start({ durability: "full" });
    expect(await caught(early)).toMatchObject({ code: "durability_mismatch" });
    await careless.kill();
    const late = await bench.start({ durability: "full" });

    expect(await query(late.url, "show fsync")).toEqual(["on"]);
    expect(late.found).toBe("started");
  },
  timeoutMs,
);

test(
  "does not start beside a server that somebody else started on the cluster",
  async () => {
    await using bench = await setup({ seeded: true });
    await using other = await spawnImpostor(bench, { name: "postgres", words: [] });

    const starting = bench.start();

    expect(await caught(starting)).toMatchObject({
      code: "server_foreign",
      message: expect.stringContaining(String(other.pid)),
    });
  },
  timeoutMs,
);

test.each([
  { who: "another program", name: "sleep", words: [] },
  { who: "the server of another cluster", name: "postgres", words: ["leasehold.cluster=1:1"] },
])(
  "recovers when $who has the number of the killed server",
  async ({ name, words }) => {
    await using bench = await setup({ seeded: true });
    await using other = await spawnImpostor(bench, { name, words });

    const database = await bench.start();

    expect(database.found).toBe("recovered");
    expect(await bench.listServers()).not.toContain(other.pid);
  },
  timeoutMs,
);

interface Impostor extends AsyncDisposable {
  readonly pid: number;
}

/** A process of the server's account that stands in the cluster and has its number in the lock file. */
async function spawnImpostor(
  bench: Bench,
  command: { readonly name: string; readonly words: readonly string[] },
): Promise<Impostor> {
  const cluster = join(bench.dataDir, "pg18");
  const program = "process.stdin.pipe(process.stdout);";
  const child = spawn(process.execPath, ["-e", program, ...command.words], {
    ...(isRoot ? nobody : {}),
    argv0: command.name,
    cwd: cluster,
    stdio: ["pipe", "pipe", "ignore"],
  });
  const echo = once(child.stdout, "data");
  child.stdin.write("are you there?");
  await echo;
  await writeFile(join(cluster, "postmaster.pid"), `${child.pid}\n${cluster}\n0\n5432\n\n`);
  return {
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    },
  };
}
