import expireJobs from "../sql/after/expire_jobs.sql" with { type: "text" };
import judgeExpiry from "../sql/after/judge_expiry.sql" with { type: "text" };
import setRetryPolicy from "../sql/after/set_retry_policy.sql" with { type: "text" };

/** What comes after an attempt or an end: bounds of time, policies of retries, and new starts. */
export const afterDefinitions: readonly string[] = [judgeExpiry, expireJobs, setRetryPolicy];
