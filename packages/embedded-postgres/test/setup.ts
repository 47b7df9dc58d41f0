import { spawn, spawnSync } from "node:child_process";
import { chown, mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

import postgres from "postgres";

import { startEmbeddedPostgres } from "../src/index.ts";
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from "../src/index.ts";
import type { MemberOrder } from "./member.ts";

/** Five times what a cold start takes on a busy machine. */
export const patienceMs: number = 30_000;
/** For a test that starts several servers. */
export const timeoutMs: number = 60_000;
export interface Account {
  readonly uid: number;
  readonly gid: number;
}
export const nobody: Account = { uid: 65_534, gid: 65_534 };

export type Line = Readonly<Record<string, string | number | undefined>>;

/** Another process that uses the same server. */
export interface Member {
  readonly pid: number;
  /** The next line of this event. Throws with what it said instead. */
  next(event: string): Promise<Line>;
  /** All it said, once it has ended. */
  readonly ended: Promise<readonly Line[]>;
  stop(): Promise<void>;
  /** Ends it as a crash would, and waits until it is gone. */
  kill(): Promise<void>;
}

export interface Bench extends AsyncDisposable {
  /** The parent of all that belongs to the test. */
  readonly root: string;
  readonly dataDir: string;
  start(options?: Partial<EmbeddedPostgresOptions>): Promise<EmbeddedPostgres>;
  spawnMember(launch?: MemberLaunch): Member;
  /** The numbers of the servers that run on this bench's data. */
  listServers(): Promise<readonly number[]>;
  /** Kills them with all of their children at once, as a power cut would. */
  killServers(): Promise<void>;
}

export interface MemberLaunch {
  readonly account?: Account;
  readonly options?: Partial<EmbeddedPostgresOptions>;
  readonly rounds?: number;
  /** Another copy of the program. */
  readonly program?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Give it a process group of its own, as a terminal does. */
  readonly ownGroup?: boolean;
}

export const memberProgram: string = join(import.meta.dirname, "member.ts");

export interface BenchOptions {
  /** The folders between the root and the data folder. */
  readonly parent?: string;
  /** Begin with an empty cluster, which is quicker than making one; see {@link removeSeed}. Default: `false`. */
  readonly seeded?: boolean;
  /** Whom the root belongs to. Default: us. */
  readonly owner?: Account;
}

/** A fresh data folder and whatever uses it, gone at the end. The root is closed to others (mode 0700). */
export async function setup(options: BenchOptions = {}): Promise<Bench> {
  const root = await mkdtemp(join(tmpdir(), "embedded-postgres-test-"));
  if (options.owner !== undefined) await chown(root, options.owner.uid, options.owner.gid);
  const dataDir = join(root, options.parent ?? "", "data");
  if (options.seeded === true) await copySeed(dataDir);
  const members: Member[] = [];
  const databases: EmbeddedPostgres[] = [];
  const clusterMark = async (): Promise<string | undefined> => {
    const cluster = (await readdir(dataDir).catch(() => [])).find((name) => /^pg\d+$/.test(name));
    if (cluster === undefined) return undefined;
    const { dev, ino } = await stat(join(dataDir, cluster));
    return `leasehold.cluster=${dev}:${ino}`;
  };
  const listServers = async (): Promise<readonly number[]> => {
    const mark = (await clusterMark()) ?? "none";
    // The shell that waits for a server has the same words after its own.
    return listProcesses()
      .filter(({ words }) => words.includes(mark) && words[0]?.endsWith("/postgres") === true)
      .map(({ pid }) => pid);
  };
  const killServers = async (): Promise<void> => {
    const servers = await listServers();
    const children = listProcesses().filter(({ parent }) => servers.includes(parent));
    const pids = [...servers, ...children.map(({ pid }) => pid)];
    for (const pid of pids) killIfThere(pid);
    await waitUntil(() => listProcesses().every(({ pid }) => !pids.includes(pid)));
  };
  return {
    root,
    dataDir,
    listServers,
    killServers,
    async start(overrides = {}) {
      const database = await startEmbeddedPostgres({ dataDir, durability: "none", ...overrides });
      databases.push(database);
      return database;
    },
    spawnMember(launch = {}) {
      const order: MemberOrder = {
        options: { dataDir, durability: "none", ...launch.options },
        ...(launch.rounds === undefined ? {} : { rounds: launch.rounds }),
      };
      const member = spawnMember(order, launch);
      members.push(member);
      return member;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(members.map((member) => member.kill()));
      await Promise.all(databases.map((database) => database.stop()));
      await killServers();
      await removeRunFolders(dataDir);
      await rm(root, { recursive: true, force: true });
    },
  };
}

let seed: Promise<string> | undefined;

/** For `afterAll` of a file with seeded benches. */
export async function removeSeed(): Promise<void> {
  const dataDir = await seed;
  seed = undefined;
  if (dataDir !== undefined) await rm(dirname(dataDir), { recursive: true, force: true });
}

async function copySeed(dataDir: string): Promise<void> {
  seed ??= makeSeed();
  // With `-a`, since the cluster may belong to another account.
  spawnSync("cp", ["-a", await seed, dataDir]);
}

async function makeSeed(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "embedded-postgres-seed-"));
  const dataDir = join(root, "data");
  const database = await startEmbeddedPostgres({ dataDir, durability: "none" });
  await database.stop();
  return dataDir;
}

function spawnMember(order: MemberOrder, launch: MemberLaunch): Member {
  const program = launch.program ?? memberProgram;
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    ...launch.account,
    env: { ...process.env, ...launch.environment },
    cwd: "/",
    detached: launch.ownGroup === true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const said: Line[] = [];
  const lines = createInterface({ input: child.stdout });
  const isOver = Promise.withResolvers<readonly Line[]>();
  let wake = Promise.withResolvers<void>();
  lines.on("line", (text) => {
    said.push(JSON.parse(text) as Line);
    wake.resolve();
  });
  child.once("close", () => {
    isOver.resolve(said);
    wake.resolve();
  });
  const next = async (event: string): Promise<Line> => {
    for (;;) {
      const line = said.find((candidate) => candidate["event"] === event);
      if (line !== undefined) return line;
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`The member ended before "${event}": ${JSON.stringify(said)}`);
      }
      wake = Promise.withResolvers();
      await withPatience(wake.promise, `a member's "${event}"`);
    }
  };
  return {
    pid: child.pid ?? 0,
    next,
    ended: isOver.promise,
    async stop() {
      child.stdin.write("stop\n");
      await next("left");
      await withPatience(isOver.promise, "a member's end");
    },
    async kill() {
      child.kill("SIGKILL");
      await withPatience(isOver.promise, "a member's death");
    },
  };
}

interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  readonly words: readonly string[];
}

/** All that runs; the dead that nobody has buried yet are left out. */
export function listProcesses(): readonly ListedProcess[] {
  const { stdout } = spawnSync("ps", ["-axww", "-o", "pid=,ppid=,stat=,args="], {
    encoding: "utf8",
  });
  return stdout.split("\n").flatMap((line) => {
    const [pid, parent, state, ...words] = line.trim().split(/\s+/);
    if (state === undefined || state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), words }];
  });
}

/** The first row of a statement's answer, on a connection of its own. */
export async function query(url: string, text: string): Promise<readonly unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    return (await sql.unsafe(text).values())[0] ?? [];
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** What a promise rejects with. */
export async function caught(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("It should have failed.");
}

/** Waits for what no event tells. */
export async function waitUntil(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error("What was waited for did not come.");
    await Bun.sleep(10);
  }
}

async function withPatience<Result>(work: Promise<Result>, what: string): Promise<Result> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited in vain for ${what}.`)), patienceMs);
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    clearTimeout(timer);
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was faster.
  }
}

/** A killed server leaves its sockets behind; the next start would remove them, but there is none. */
async function removeRunFolders(dataDir: string): Promise<void> {
  const names = await readdir(dataDir).catch(() => []);
  for (const name of names.filter((candidate) => candidate.endsWith(".log"))) {
    const log = await readFile(join(dataDir, name), "utf8");
    const folder = /"([^"]+\/leasehold-[^/"]+)\/s\//.exec(log)?.[1];
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}
