import { leasehold } from "../contenders/leasehold.ts";
import type { Lab } from "../measure/lab.ts";
import { quantile } from "../measure/numbers.ts";
import { slotsTally } from "../program/messages.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

const slots = 50;
const phaseMs = 2_000;
const phases = 2;
/** Of what the slots could do: jobs then find a free one, and a wait is the queue's doing. */
const load = 0.8;

/** What the queue costs when the work is slow, as it is with models. Ourselves only: the peers have no phases. */
export const slowPhases: Scenario = {
  name: "slots",
  about: `${slots} slots whose jobs take ${phases} phases of ${phaseMs / 1_000} s, kept busy to ${load * 100} %`,
  measure: ({ sizes, ...context }) =>
    measureInTurns(
      { ...context, sizes, runs: 1 },
      {
        scenario: "slots",
        series: [
          {
            contender: leasehold.name,
            measure: () => measureSlots(context.lab, sizes.slotSeconds),
          },
        ],
      },
    ),
};

async function measureSlots(lab: Lab, seconds: number): Promise<Readonly<Record<string, number>>> {
  const jobsPerSecond = (load * slots * 1_000) / (phases * phaseMs);
  await using database = await lab.createDatabase();
  await leasehold.prepare(database.url);
  await using program = await lab.startProgram();
  const window = lab.openWindow();
  const { waitsMs, cpuSeconds } = await program.ask(
    { ask: "slots", url: database.url, slots, phaseMs, jobsPerSecond, seconds },
    slotsTally,
  );
  const reading = window.close();
  return {
    jobs: waitsMs.length,
    p50_wait_ms: quantile(waitsMs, 0.5),
    p95_wait_ms: quantile(waitsMs, 0.95),
    server_cpu_s_per_1k: (reading.serverCpuSeconds / waitsMs.length) * 1_000,
    client_cpu_s_per_1k: (cpuSeconds / waitsMs.length) * 1_000,
    other_cpu: reading.otherCpuSeconds / reading.seconds,
  };
}
