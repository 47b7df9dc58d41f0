import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, symlink, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { join } from "node:path";

import { type DebianProgram, findDebianProgram } from "../debian-program.ts";
import { createTemporaryDirectory, type TemporaryDirectory } from "../temporary-directory.ts";

/** A PgBouncer in transaction mode before one server. */
export interface PgBouncer extends AsyncDisposable {
  /** The folder for URLs, as those of the server have one. */
  readonly socketFolder: string;
}

const nobody = 65_534;

/** The machine's own, or Debian's in a folder of ours; undefined where there is neither. */
export async function findPgBouncer(): Promise<DebianProgram | undefined> {
  return await findDebianProgram({
    name: "pgbouncer",
    path: "usr/sbin/pgbouncer",
    packages: ["pgbouncer", "libc-ares2"],
  });
}

/** Starts one before the server whose sockets are in a folder. */
export async function startPgBouncer(
  program: DebianProgram,
  serverFolder: string,
): Promise<PgBouncer> {
  const folder = await createTemporaryDirectory();
  await chmod(folder.path, 0o711);
  const sockets = join(folder.path, "s,::5432");
  await mkdir(sockets);
  // The folders by which the drivers find it, as they find the private server.
  for (const name of ["s", "s,:"]) await symlink(sockets, join(folder.path, name));
  const config = join(folder.path, "pgbouncer.ini");
  const logins = join(folder.path, "logins");
  await writeFile(config, toConfig({ serverFolder, sockets, logins }));
  await writeFile(logins, '"leasehold" ""\n');
  const isRoot = process.getuid?.() === 0;
  // It refuses to be root, and the server's sockets are its account's.
  if (isRoot) await chown(sockets, nobody, nobody);
  const child = spawn(program.path, ["-q", config], {
    ...(isRoot ? { uid: nobody, gid: nobody } : {}),
    cwd: "/",
    env: { LD_LIBRARY_PATH: program.libraries.join(":") },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await untilItAnswers(child, join(sockets, ".s.PGSQL.5432"), folder);
  return {
    socketFolder: join(folder.path, "s"),
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      if (child.exitCode === null && child.kill("SIGKILL")) await ended;
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Places {
  readonly serverFolder: string;
  readonly sockets: string;
  readonly logins: string;
}

/** The mark of our URLs is for the drivers of the tests' own: ours never sends it, as a test without a pooler shows. */
function toConfig({ serverFolder, sockets, logins }: Places): string {
  return `[databases]
* = host=${serverFolder} port=5432
[pgbouncer]
listen_addr =
listen_port = 5432
unix_socket_dir = ${sockets}
auth_type = trust
auth_file = ${logins}
pool_mode = transaction
max_client_conn = 500
default_pool_size = 40
server_idle_timeout = 5
ignore_startup_parameters = pgbouncer
`;
}

async function untilItAnswers(
  child: ChildProcess,
  path: string,
  folder: TemporaryDirectory,
): Promise<void> {
  let words = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    words = (words + bytes.toString("utf8")).slice(-2_000);
  });
  const over = performance.now() + 20_000;
  while (!(await isOpen(path))) {
    if (child.exitCode !== null || performance.now() > over) {
      child.kill("SIGKILL");
      await folder[Symbol.asyncDispose]();
      throw new Error(`PgBouncer did not start: ${words}`);
    }
    await Bun.sleep(20);
  }
}

function isOpen(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
