import { afterAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { findProcessStart, formatIdentity } from "../src/processes.ts";
import { caught, listProcesses, query, removeSeed, setup, timeoutMs, waitUntil } from "./setup.ts";

afterAll(removeSeed);

test(
  "adopts a server whose only member was killed",
  async () => {
    await using bench = await setup({ seeded: true });
    const member = bench.spawnMember();
    const { url } = await member.next("entered");
    await query(String(url), "create table kept as select 42 as answer");
    const before = await bench.listServers();

    await member.kill();
    const database = await bench.start();

    expect(database.found).toBe("adopted");
    expect(await bench.listServers()).toEqual(before);
    expect(await query(database.url, "select answer from kept")).toEqual([42]);
  },
  timeoutMs,
);

test(
  "stops an adopted server when its last member leaves",
  async () => {
    await using bench = await setup({ seeded: true });
    const member = bench.spawnMember();
    await member.next("entered");
    await member.kill();

    const database = await bench.start();
    await database.stop();

    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);

test(
  "stops the server although the session of a killed member still lives",
  async () => {
    await using bench = await setup({ seeded: true });
    const database = await bench.start();
    const member = bench.spawnMember();
    await member.next("entered");
    const session = await findSession(database.adminUrl, member.pid);
    process.kill(session, "SIGSTOP");

    await member.kill();
    const stopping = database.stop();
    await waitUntil(async () => (await countHolders(database.adminUrl)) === 1);
    process.kill(session, "SIGCONT");
    await stopping;

    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);

async function findSession(adminUrl: string, memberPid: number): Promise<number> {
  const named = `application_name like 'leasehold-member ${memberPid} %'`;
  const [pid] = await query(adminUrl, `select pid from pg_stat_activity where ${named}`);
  return Number(pid);
}

async function countHolders(adminUrl: string): Promise<number> {
  const held = "locktype = 'advisory' and classid = 7236 and objid = 1 and granted";
  const [count] = await query(adminUrl, `select count(*) from pg_locks where ${held}`);
  return Number(count);
}

test(
  "does not settle in a server whose last member was killed while stopping it",
  async () => {
    await using bench = await setup({ seeded: true });
    const member = bench.spawnMember();
    await member.next("entered");
    const [pid = 0] = await bench.listServers();
    const identity = { pid, started: (await findProcessStart(pid)) ?? "" };
    await member.kill();
    await writeFile(join(bench.dataDir, "pg18.stopping"), formatIdentity(identity));

    const database = await bench.start();

    expect(database.found).toBe("started");
    expect(await bench.listServers()).not.toContain(pid);
  },
  timeoutMs,
);

test(
  "waits for a server whose starter was killed before it gave a sign of life",
  async () => {
    await using bench = await setup({ seeded: true });
    const cluster = join(bench.dataDir, "pg18");
    const { dev, ino } = await stat(cluster);
    const newborn = spawn("/bin/sh", ["-c", "read end", "sh", `leasehold.cluster=${dev}:${ino}`]);
    await once(newborn, "spawn");
    const locks = join(bench.dataDir, "start-lock");
    const number = Math.max(...(await readdir(locks)).map(Number)) + 1;
    await writeFile(join(locks, String(number)), "1 killed");

    const hasty = await caught(bench.start({ startTimeoutMs: 1_000 }));
    newborn.stdin.end();
    await once(newborn, "exit");
    const database = await bench.start();

    expect(hasty).toMatchObject({ code: "start_timeout" });
    expect(database.found).toBe("started");
  },
  timeoutMs,
);

test(
  "survives the death of the member that started it",
  async () => {
    await using bench = await setup({ seeded: true });
    const starter = bench.spawnMember();
    await starter.next("entered");
    const database = await bench.start();

    await starter.kill();

    expect(database.found).toBe("joined");
    expect(await query(database.url, "select 1")).toEqual([1]);
  },
  timeoutMs,
);

test(
  "recovers what was committed after everything was killed",
  async () => {
    await using bench = await setup({ seeded: true });
    const member = bench.spawnMember({ options: { durability: "full" } });
    const { url } = await member.next("entered");
    await query(String(url), "create table kept as select generate_series(1, 1000) as number");

    await Promise.all([member.kill(), bench.killServers()]);
    const database = await bench.start({ durability: "full" });

    expect(database.found).toBe("recovered");
    expect(database.url).toBe(String(url));
    expect(await query(database.url, "select count(*)::int from kept")).toEqual([1000]);
    expect(await bench.listServers()).toHaveLength(1);
  },
  timeoutMs,
);

test(
  "starts afresh when the first start was killed half way",
  async () => {
    await using bench = await setup();
    const member = bench.spawnMember();
    await waitUntil(async () => (await listDrafts(bench.dataDir)).length > 0);

    await member.kill();
    const database = await bench.start();

    expect(database.found).toBe("started");
    expect(await query(database.url, "select 1")).toEqual([1]);
  },
  timeoutMs,
);

async function listDrafts(dataDir: string): Promise<readonly string[]> {
  const names = await readdir(dataDir).catch(() => []);
  return names.filter((name) => name.startsWith("draft"));
}

test(
  "runs on when Ctrl-C is pressed in the terminal of its starter",
  async () => {
    await using bench = await setup({ seeded: true });
    const starter = bench.spawnMember({ ownGroup: true });
    await starter.next("entered");
    const database = await bench.start();

    process.kill(-starter.pid, "SIGINT");
    await starter.ended;

    expect(await query(database.url, "select 1")).toEqual([1]);
    expect((await bench.start()).found).toBe("joined");
  },
  timeoutMs,
);

test(
  "runs on when the children of its starter are ended",
  async () => {
    await using bench = await setup({ seeded: true });
    const starter = bench.spawnMember();
    await starter.next("entered");
    const children = listProcesses().filter(({ parent }) => parent === starter.pid);

    for (const { pid } of children) process.kill(pid, "SIGTERM");
    await waitUntil(() => listProcesses().every(({ parent }) => parent !== starter.pid));
    const database = await bench.start();

    expect(children).not.toBeEmpty();
    expect(database.found).toBe("joined");
    expect(await query(database.url, "select 1")).toEqual([1]);
  },
  timeoutMs,
);
