import deadLetters from "../../sql/after/dead_letters.sql" with { type: "text" };
import expireJobs from "../../sql/after/expire_jobs.sql" with { type: "text" };
import findStopped from "../../sql/after/find_stopped.sql" with { type: "text" };
import getDeadLetters from "../../sql/after/get_dead_letters.sql" with { type: "text" };
import isOutageVictim from "../../sql/after/is_outage_victim.sql" with { type: "text" };
import judgeExpiry from "../../sql/after/judge_expiry.sql" with { type: "text" };
import replayJob from "../../sql/after/replay_job.sql" with { type: "text" };
import requeueJobs from "../../sql/after/requeue_jobs.sql" with { type: "text" };
import requeueOutageVictims from "../../sql/after/requeue_outage_victims.sql" with { type: "text" };
import resolveJob from "../../sql/after/resolve_job.sql" with { type: "text" };
import setRetryPolicy from "../../sql/after/set_retry_policy.sql" with { type: "text" };

/** What comes after an attempt or an end: bounds of time, policies of retries, and new starts. */
export const afterDefinitions: readonly string[] = [
  judgeExpiry,
  expireJobs,
  setRetryPolicy,
  replayJob,
  resolveJob,
  isOutageVictim,
  findStopped,
  requeueJobs,
  requeueOutageVictims,
  deadLetters,
  getDeadLetters,
];
