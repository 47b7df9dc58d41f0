import { graphileWorker } from "../contenders/graphile-worker.ts";
import { leasehold } from "../contenders/leasehold.ts";
import { measureDrain } from "../measure/drain.ts";
import { payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario } from "./scenario.ts";

/** A burst into fresh tables, before autovacuum has looked at them. */
export const statistics: Scenario = {
  name: "statistics",
  about: "a drain right after the fill, without statistics of the tables, and with them",
  measure: (context) =>
    measureInTurns(context, {
      scenario: "statistics",
      series: [leasehold, graphileWorker].flatMap((contender) =>
        ["analysed", "none"].map((variant) => ({
          contender: contender.name,
          variant,
          measure: () =>
            measureDrain(context.lab, {
              contender,
              jobs: context.sizes.statisticsJobs,
              processes: 1,
              payloadBytes,
              isAnalysed: variant === "analysed",
            }),
        })),
      ),
    }),
};
