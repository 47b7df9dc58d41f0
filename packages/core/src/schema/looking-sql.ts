import beginAction from "../../sql/looking/begin_action.sql" with { type: "text" };
import forgetReasons from "../../sql/looking/forget_reasons.sql" with { type: "text" };
import getActions from "../../sql/looking/get_actions.sql" with { type: "text" };
import getThroughput from "../../sql/looking/get_throughput.sql" with { type: "text" };
import getTimeline from "../../sql/looking/get_timeline.sql" with { type: "text" };
import listJobs from "../../sql/looking/list_jobs.sql" with { type: "text" };
import noteAction from "../../sql/looking/note_action.sql" with { type: "text" };
import pickJobs from "../../sql/looking/pick_jobs.sql" with { type: "text" };
import pruneActions from "../../sql/looking/prune_actions.sql" with { type: "text" };
import recentAttempts from "../../sql/looking/recent_attempts.sql" with { type: "text" };
import revealJob from "../../sql/looking/reveal_job.sql" with { type: "text" };
import tellAttempts from "../../sql/looking/tell_attempts.sql" with { type: "text" };
import tellPhases from "../../sql/looking/tell_phases.sql" with { type: "text" };
import walkJobs from "../../sql/looking/walk_jobs.sql" with { type: "text" };

/** What shows jobs to operators, and what operators did, in the order the functions need each other. */
export const lookingDefinitions: readonly string[] = [
  walkJobs,
  pickJobs,
  listJobs,
  tellAttempts,
  tellPhases,
  getTimeline,
  recentAttempts,
  getThroughput,
  beginAction,
  noteAction,
  getActions,
  pruneActions,
  forgetReasons,
  revealJob,
];
