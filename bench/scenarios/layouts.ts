import type { Contender } from "../contenders/contender.ts";
import { layouts } from "../layouts/layouts.ts";
import { measureDrain } from "../measure/drain.ts";
import type { Lab } from "../measure/lab.ts";
import { payloadBytes } from "../sizes.ts";
import { measureInTurns, type Scenario, type Series } from "./scenario.ts";
import { measureLive } from "./snapshot.ts";

/** What the layout of the tables is worth, without anybody's client in the way. */
export const tableLayouts: Scenario = {
  name: "layouts",
  about: "layouts of the tables in bare SQL: drained by one and by four, and under an old snapshot",
  async measure(context) {
    const { lab, sizes } = context;
    const drains = layouts.flatMap((contender) =>
      [1, 4].map((processes) => ({
        contender: contender.name,
        variant: processes === 1 ? "1 process" : `${processes} processes`,
        measure: () =>
          measureDrain(lab, { contender, jobs: sizes.layoutJobs, processes, payloadBytes }),
      })),
    );
    await measureInTurns(context, { scenario: "layouts", series: drains });
    await measureInTurns(context, {
      scenario: "layouts_snapshot",
      series: layouts.flatMap((contender) => toLiveSeries(lab, contender, sizes.layoutJobs)),
    });
  },
};

function toLiveSeries(lab: Lab, contender: Contender, jobs: number): readonly Series[] {
  return ["free", "held"].map((variant) => ({
    contender: contender.name,
    variant,
    measure: () => measureLive(lab, { contender, jobs, isHeld: variant === "held" }),
  }));
}
