// Lets workers do jobs on a Postgres of their own while both are killed, over and over, and says what became of the
// promises: `bun run chaos --jobs 10000 --kills 200 --stops 60 --restarts 20 --seed 7 --json`.
//
// It needs nothing but npm packages. With `--json`, the last line is for programs. The exit code is 1 when a promise
// was broken.
import { parseArgs } from "node:util";

import { runChaos } from "../test/chaos/chaos-run.ts";
import { describeRun, isClean, summarise } from "../test/chaos/report.ts";

const count = { type: "string" } as const;

function parseCount(name: string, text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new Error(`--${name} must be a whole number, got "${text}"`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      jobs: { ...count, default: "1000" },
      /** SIGKILL of a worker. */
      kills: { ...count, default: "20" },
      /** SIGSTOP for longer than a lease, then SIGCONT. */
      stops: { ...count, default: "6" },
      /** SIGTERM. */
      dismissals: { ...count, default: "0" },
      /** A crash of Postgres. */
      restarts: { ...count, default: "2" },
      /** A crash after which Postgres is away for three leases. */
      outages: { ...count, default: "0" },
      seed: { ...count, default: String(Date.now() % 1_000_000) },
      json: { type: "boolean", default: false },
    },
  });
  const seed = parseCount("seed", values.seed);
  console.log(`seed ${seed}`);

  const report = await runChaos({
    jobs: parseCount("jobs", values.jobs),
    disasters: {
      kill: parseCount("kills", values.kills),
      stop: parseCount("stops", values.stops),
      dismiss: parseCount("dismissals", values.dismissals),
      restart: parseCount("restarts", values.restarts),
      outage: parseCount("outages", values.outages),
    },
    seed,
  });

  console.log(describeRun(report));
  const summary = summarise(report);
  if (values.json) console.log(JSON.stringify(summary));
  else console.table(summary);
  process.exit(isClean(report) ? 0 : 1);
}

if (import.meta.main) await main();
