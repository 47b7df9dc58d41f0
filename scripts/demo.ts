// Shows the worker at work, with nothing installed before but Bun: `bun run demo`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";

import { runCommand } from "./run-command.ts";

const installTimeoutMs = 300_000;
/** Two signals of one name within this time are the same wish. */
const sameSignalMs = 300;

const root = join(import.meta.dirname, "..");

async function installDependencies(): Promise<void> {
  const { ok, output } = await runCommand([process.execPath, "install", "--frozen-lockfile"], {
    cwd: root,
    timeoutMs: installTimeoutMs,
  });
  if (!ok) throw new Error(`cannot install the dependencies:\n${output}`);
}

/** Answers the exit code, which is 128 and the signal's number where a signal ended the worker. */
async function runWorker(args: readonly string[]): Promise<number> {
  const main = join(root, "apps/worker/src/main.ts");
  const worker = spawn(process.execPath, [main, ...args], {
    // A Ctrl+C reaches us twice, from the terminal and from `bun run`, and it would reach the
    // worker a third time. In a group of its own the worker hears it from us, once.
    detached: true,
    stdio: "inherit",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    let sentAt = -Infinity;
    process.on(signal, () => {
      if (performance.now() - sentAt < sameSignalMs) return;
      sentAt = performance.now();
      worker.kill(signal);
    });
  }
  await once(worker, "exit");
  const { exitCode, signalCode } = worker;
  if (signalCode !== null) return 128 + constants.signals[signalCode];
  return exitCode ?? 1;
}

await installDependencies();
process.exit(await runWorker(["demo", ...process.argv.slice(2)]));
