export * from "./criteria.ts";
export { createLearningHealth, toCheck } from "./learning-health.ts";
export type {
  HealthFinding,
  LearningHealth,
  LearningHealthOptions,
  LearningHealthReport,
} from "./learning-health.ts";
export { learningSql } from "./learning-sql.ts";
export { createLearningStore, scoreShapes } from "./learning-store.ts";
export type {
  LearningStore,
  NewSubmission,
  ProbeCheck,
  ScoreAlarm,
  ScoreShape,
  SubmissionReport,
} from "./learning-store.ts";
export { createFolderStorage } from "./folder-storage.ts";
export type { FolderStorageOptions } from "./folder-storage.ts";
export { mediaLimits } from "./media/media-limits.ts";
export type { MediaLimits } from "./media/media-limits.ts";
export type { MediaSource, PreparedPage } from "./media/media-holder.ts";
export { createMediaPreparer } from "./media/media-preparer.ts";
export type { MediaPreparer, PreparedMedia } from "./media/media-preparer.ts";
export type { MediaPreparerOptions } from "./media/media-options.ts";
export { createServedAdapter } from "./served-adapter.ts";
export type { ModelServer, ServedAdapterOptions } from "./served-adapter.ts";
export type { AnswerMemory, RecalledAnswer } from "./answer-memory.ts";
export { fallbackReasons } from "./feedback-phase.ts";
export type { FeedbackFallback } from "./feedback-phase.ts";
export { createModelCheck } from "./model-check.ts";
export type { ModelCheck, ModelCheckOptions } from "./model-check.ts";
export { toSubmissionError } from "./model-errors.ts";
export { reviewFlags } from "./review-flags.ts";
export type { ReviewFlag } from "./review-flags.ts";
export {
  assertStorageKey,
  readVerified,
  storageKeyCharactersMax,
  storageKeyMissing,
  uploadTooLarge,
} from "./storage.ts";
export type { Storage, StorageReadOptions } from "./storage.ts";
export * from "./submission.ts";
export { createSubmissionAdapter } from "./submission-adapter.ts";
export type { SubmissionAdapterOptions } from "./submission-adapter.ts";
export * from "./submission-pipeline.ts";
