import failEffect from "../sql/structure/fail_effect.sql" with { type: "text" };
import holdPhase from "../sql/structure/hold_phase.sql" with { type: "text" };

/** What ties a job to its host's own writes and to other jobs. */
export const structureDefinitions: readonly string[] = [holdPhase, failEffect];
