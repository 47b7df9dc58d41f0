import type { SqlBundle } from "@leasehold/core";

import createLearning from "../sql/migrations/0001_create_learning.sql" with { type: "text" };
import watchScores from "../sql/migrations/0002_watch_scores.sql" with { type: "text" };
import recallAnswers from "../sql/migrations/0003_recall_answers.sql" with { type: "text" };
import grantLearning from "../sql/roles/grant_learning.sql" with { type: "text" };
import enqueue from "../sql/submissions/learning_enqueue.sql" with { type: "text" };
import errorCode from "../sql/submissions/learning_error_code.sql" with { type: "text" };
import forget from "../sql/submissions/learning_forget.sql" with { type: "text" };
import forgetScores from "../sql/submissions/learning_forget_scores.sql" with { type: "text" };
import health from "../sql/submissions/learning_health.sql" with { type: "text" };
import hook from "../sql/submissions/learning_hook.sql" with { type: "text" };
import payload from "../sql/submissions/learning_payload.sql" with { type: "text" };
import provenance from "../sql/submissions/learning_provenance.sql" with { type: "text" };
import readSubmission from "../sql/submissions/learning_read_submission.sql" with { type: "text" };
import readSubmissionV2 from "../sql/submissions/learning_read_submission_v2.sql" with { type: "text" };
import recallAnswer from "../sql/submissions/learning_recall_answer.sql" with { type: "text" };
import scoreAlarms from "../sql/submissions/learning_score_alarms.sql" with { type: "text" };
import scoreShape from "../sql/submissions/learning_score_shape.sql" with { type: "text" };
import submit from "../sql/submissions/learning_submit.sql" with { type: "text" };
import watchScoresOf from "../sql/submissions/learning_watch_scores.sql" with { type: "text" };
import healthProbe from "../sql/submissions/learning_worker_health_probe.sql" with { type: "text" };
import markRetry from "../sql/submissions/learning_worker_mark_retry.sql" with { type: "text" };
import updateCompleted from "../sql/submissions/learning_worker_update_completed.sql" with { type: "text" };
import updateFailed from "../sql/submissions/learning_worker_update_failed.sql" with { type: "text" };
import registerLearning from "../sql/submissions/register_learning.sql" with { type: "text" };
import { jobsViewDefinitions } from "./jobs-view.ts";

/** The tables, views and functions of the learning worker: pass it to `migrate`. It lives in `public` by its names. */
export const learningSql: SqlBundle = {
  name: "learning",
  migrations: [
    { version: 1, name: "create_learning", text: createLearning },
    { version: 2, name: "watch_scores", text: watchScores },
    { version: 3, name: "recall_answers", text: recallAnswers },
  ],
  definitions: [
    errorCode,
    updateCompleted,
    updateFailed,
    markRetry,
    provenance,
    scoreShape,
    watchScoresOf,
    scoreAlarms,
    forgetScores,
    hook,
    payload,
    enqueue,
    submit,
    readSubmission,
    readSubmissionV2,
    recallAnswer,
    forget,
    ...jobsViewDefinitions,
    health,
    healthProbe,
    registerLearning,
  ],
  grants: grantLearning,
};
