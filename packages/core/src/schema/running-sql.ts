import cancelCode from "../../sql/running/cancel_code.sql" with { type: "text" };
import getProgress from "../../sql/running/get_progress.sql" with { type: "text" };
import hintKeepers from "../../sql/running/hint_keepers.sql" with { type: "text" };
import noteProgress from "../../sql/running/note_progress.sql" with { type: "text" };
import readCount from "../../sql/running/read_count.sql" with { type: "text" };
import renewLeasesV2 from "../../sql/running/renew_leases_v2.sql" with { type: "text" };
import runningJobs from "../../sql/running/running_jobs.sql" with { type: "text" };
import sweepProgress from "../../sql/running/sweep_progress.sql" with { type: "text" };

/** What happens while a job runs: renewal, orders to stop, and progress. In the order they need each other. */
export const runningDefinitions: readonly string[] = [
  hintKeepers,
  cancelCode,
  readCount,
  noteProgress,
  renewLeasesV2,
  sweepProgress,
  runningJobs,
  getProgress,
];
