import explainDelay from "../../sql/explaining/explain_delay.sql" with { type: "text" };
import explainEnd from "../../sql/explaining/explain_end.sql" with { type: "text" };
import explainJob from "../../sql/explaining/explain_job.sql" with { type: "text" };
import explainLease from "../../sql/explaining/explain_lease.sql" with { type: "text" };
import explainLimits from "../../sql/explaining/explain_limits.sql" with { type: "text" };
import explainResources from "../../sql/explaining/explain_resources.sql" with { type: "text" };
import explainTurn from "../../sql/explaining/explain_turn.sql" with { type: "text" };
import explainWait from "../../sql/explaining/explain_wait.sql" with { type: "text" };
import explainWorkers from "../../sql/explaining/explain_workers.sql" with { type: "text" };
import liveRunners from "../../sql/explaining/live_runners.sql" with { type: "text" };
import sayTime from "../../sql/explaining/say_time.sql" with { type: "text" };

/** What tells why a job is not running, in the order the functions need each other. */
export const explainingDefinitions: readonly string[] = [
  sayTime,
  liveRunners,
  explainEnd,
  explainLease,
  explainWait,
  explainDelay,
  explainWorkers,
  explainResources,
  explainLimits,
  explainTurn,
  explainJob,
];
