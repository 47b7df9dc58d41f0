/** How much of everything. */
export interface Sizes {
  readonly runs: number;
  readonly drainJobs: number;
  readonly singleJobs: number;
  readonly enqueueSingles: number;
  readonly enqueueBatchJobs: number;
  readonly pickupRuns: number;
  readonly pickupSamples: number;
  readonly liveJobs: number;
  readonly backlogSmall: number;
  readonly backlogLarge: number;
  readonly statisticsJobs: number;
  readonly largePayloadJobs: number;
  readonly idleSeconds: number;
  readonly slotSeconds: number;
  readonly layoutJobs: number;
}

/** For figures that are to be believed. */
export const fullSizes: Sizes = {
  runs: 3,
  drainJobs: 100_000,
  singleJobs: 5_000,
  enqueueSingles: 3_000,
  enqueueBatchJobs: 50_000,
  pickupRuns: 5,
  pickupSamples: 2_000,
  liveJobs: 100_000,
  backlogSmall: 10_000,
  backlogLarge: 1_000_000,
  statisticsJobs: 50_000,
  largePayloadJobs: 50_000,
  idleSeconds: 60,
  slotSeconds: 40,
  layoutJobs: 100_000,
};

/** To see that everything works, and roughly how. */
export const quickSizes: Sizes = {
  runs: 1,
  drainJobs: 3_000,
  singleJobs: 300,
  enqueueSingles: 200,
  enqueueBatchJobs: 10_000,
  pickupRuns: 1,
  pickupSamples: 100,
  liveJobs: 3_000,
  backlogSmall: 1_000,
  backlogLarge: 20_000,
  statisticsJobs: 3_000,
  largePayloadJobs: 3_000,
  idleSeconds: 3,
  slotSeconds: 5,
  layoutJobs: 3_000,
};

/** Bytes of a payload as JSON, where a scenario says nothing else. */
export const payloadBytes = 400;
/** The larger one. */
export const largePayloadBytes = 1_700;
/** Of jobs that come in millions, so that they fit the disk. */
export const smallPayloadBytes = 30;
/** Jobs per call where many are enqueued at once. */
export const batchSize = 10_000;
