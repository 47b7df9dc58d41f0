import { bare } from "../contenders/bare.ts";
import type { Contender } from "../contenders/contender.ts";
import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { pgBoss } from "../contenders/pg-boss.ts";
import { type DrainRequest, measureDrain } from "../measure/drain.ts";
import { largePayloadBytes, payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario, type ScenarioContext } from "./scenario.ts";

const everybody: readonly Contender[] = [leasehold, graphileWorker, pgBoss, bare];

export const drainByOne: Scenario = {
  name: "drain1",
  about: "jobs that do nothing, drained by one process",
  measure: (context) =>
    measureDrains(context, "drain1", {
      contenders: everybody,
      jobs: context.sizes.drainJobs,
      processes: 1,
      payloadBytes,
    }),
};

export const drainByFour: Scenario = {
  name: "drain4",
  about: "the same by four processes",
  measure: (context) =>
    measureDrains(context, "drain4", {
      contenders: everybody,
      jobs: context.sizes.drainJobs,
      processes: 4,
      payloadBytes,
    }),
};

export const drainLargePayloads: Scenario = {
  name: "payload",
  about: `payloads of ${largePayloadBytes} bytes, drained by one process`,
  measure: (context) =>
    measureDrains(context, "payload", {
      contenders: everybody,
      jobs: context.sizes.largePayloadJobs,
      processes: 1,
      payloadBytes: largePayloadBytes,
    }),
};

export const drainSingly: Scenario = {
  name: "single",
  about: "one job claimed, run and completed before the next",
  measure: (context) =>
    measureDrains(context, "single", {
      contenders: [leasehold, graphileWorker, bare],
      jobs: context.sizes.singleJobs,
      processes: 1,
      payloadBytes,
      mode: "single",
    }),
};

interface DrainComparison extends Omit<DrainRequest, "contender"> {
  readonly contenders: readonly Contender[];
}

function measureDrains(
  context: ScenarioContext,
  scenario: string,
  { contenders, ...request }: DrainComparison,
): Promise<void> {
  const series = contenders.map((contender) => ({
    contender: contender.name,
    measure: () => measureDrain(context.lab, { ...request, contender }),
  }));
  return measureInTurns(context, { scenario, series });
}
