import type { JobStore, LeaseKey } from "../production.ts";
import type { DescribedStatement, Postgres } from "./postgres.ts";
import type { ProcessState } from "./process-state.ts";
import type { GrantedJob, GrantedLease } from "./statement.ts";
import type { World } from "./world.ts";

/** What a worker asks again and again, what it asks soon, and what it does for one of its jobs. */
export type CallKind = "poll" | "renewal" | "write";

/** A store without a network: it makes statements of calls. */
export interface StoreCallOptions {
  readonly world: World;
  readonly postgres: Postgres;
  readonly process: ProcessState;
  readonly call: <Answer>(
    statement: DescribedStatement<Answer>,
    kind?: CallKind,
  ) => Promise<Answer>;
  readonly nextGrant: () => number;
}

export function createStoreCalls(
  options: StoreCallOptions,
): Omit<JobStore, "schemaVersion" | "listen" | "end"> {
  return {
    ...createClaimCalls(options),
    ...createPhaseCalls(options),
    ...createSettleCalls(options),
    structure: createUnusedStructure(options),
  };
}

/** No pipeline of this world writes anything beside its results: what a job costs without that is what is asked here. */
function createUnusedStructure({ world }: StoreCallOptions): JobStore["structure"] {
  const refuse = (name: string) => (): Promise<never> => {
    world.report(`${name} was called for a job that never asked for it`);
    return new Promise(() => undefined);
  };
  return {
    commitWork: refuse("commitWork"),
    settlePhase: refuse("settlePhase"),
    findSignal: refuse("findSignal"),
    listChildren: refuse("listChildren"),
    waitJob: refuse("waitJob"),
    wakeDue: () => Promise.resolve(),
  };
}

function createClaimCalls({
  world,
  postgres,
  process,
  call,
  nextGrant,
}: StoreCallOptions): Pick<
  JobStore,
  | "abandonClaim"
  | "claimForResource"
  | "claimJobs"
  | "declareLanes"
  | "declareResource"
  | "expireJobs"
  | "lapseLeases"
  | "peekLanes"
  | "renewLeases"
  | "startJob"
> {
  const { functions } = postgres.schema;
  return {
    declareLanes: (request) =>
      call(
        { run: () => functions.declareLanes(request), describe: () => ({ name: "ask" }) },
        "poll",
      ),
    claimJobs: (request) =>
      call(
        {
          run: (): readonly GrantedJob[] =>
            functions.claimJobs(request).map((job) => ({ ...job, grant: nextGrant() })),
          describe: (jobs) => ({ name: "claimJobs", request, jobs }),
        },
        "poll",
      ),
    async declareResource(name, concurrency) {
      const run = (): void => functions.declareResource(name, concurrency);
      await call({ run, describe: () => ({ name: "ask" }) }, "poll");
    },
    async claimForResource(request) {
      return await call(
        {
          run() {
            const claim = functions.claimForResource(request);
            return { ...claim, jobs: claim.jobs.map((job) => ({ ...job, grant: nextGrant() })) };
          },
          describe: ({ jobs, ...standing }) => ({ name: "claimJobs", request, jobs, standing }),
        },
        "poll",
      );
    },
    peekLanes: (lanes) =>
      call(
        { run: () => functions.peekLanes(lanes), describe: () => ({ name: "peekLanes", lanes }) },
        "poll",
      ),
    async abandonClaim(worker, token) {
      await call({
        run: () => functions.abandonClaim(worker, token),
        describe: () => ({ name: "abandonClaim", token }),
      });
    },
    startJob(key) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.startJob(lease),
        describe: (answer) => ({ name: "startJob", lease, answer }),
      });
    },
    renewLeases(keys) {
      const leases = keys.map((key) => toGranted(world, key));
      return call(
        {
          run: () => functions.renewLeases(leases),
          describe(answers) {
            for (const answer of answers.values()) {
              if (answer === "busy") process.lastTroubleAt = world.timeline.now();
            }
            return { name: "renewLeases", leases, answers };
          },
        },
        "renewal",
      );
    },
    lapseLeases: (limit) =>
      call(
        {
          run: () => functions.lapseLeases(limit),
          describe: (lapsed) => ({ name: "lapseLeases", lapsed }),
        },
        "poll",
      ),
    // No job of this world has a bound of time.
    expireJobs: () => call({ run: () => [], describe: () => ({ name: "ask" }) }, "poll"),
  };
}

function createPhaseCalls({
  world,
  postgres,
  call,
}: StoreCallOptions): Pick<JobStore, "checkpointJob" | "commit" | "loadResults" | "savePart"> {
  const { functions, tables } = postgres.schema;
  return {
    loadResults: (key) =>
      call({ run: () => functions.loadResults(key), describe: () => ({ name: "ask" }) }),
    savePart(key, part, result) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.savePart(lease, part, result),
        describe: (answer) => ({ name: "savePart", lease, part, result, answer }),
      });
    },
    commit(key, statements) {
      const lease = toGranted(world, key);
      return call({
        run() {
          const answer = functions.holdLease(lease);
          const jobId = Number(key.jobId);
          const before = tables.effect.get(jobId) ?? [];
          if (answer === "ok") tables.effect.set(jobId, [...before, ...statements]);
          return answer;
        },
        describe: (answer) => ({ name: "commit", lease, answer }),
      });
    },
    checkpointJob(key, step, result) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.checkpointJob(lease, step, result),
        describe: (answer) => ({ name: "checkpointJob", lease, step, result, answer }),
      });
    },
  };
}

function createSettleCalls({
  world,
  postgres,
  call,
}: StoreCallOptions): Pick<JobStore, "completeJob" | "failJob" | "releaseJob" | "retryJob"> {
  const { functions } = postgres.schema;
  return {
    completeJob(key, result) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.completeJob(lease, result),
        describe: (answer) => ({ name: "completeJob", lease, result, answer }),
      });
    },
    retryJob(key, reason) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.retryJob(lease, reason),
        describe: (answer) => ({ name: "retryJob", lease, reason, answer }),
      });
    },
    releaseJob(key, kind, reason) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.releaseJob(lease, kind, reason),
        describe: (answer) => ({ name: kind, lease, reason, answer }),
      });
    },
    failJob(key, reason) {
      const lease = toGranted(world, key);
      return call({
        run: () => functions.failJob(lease, reason),
        describe: (answer) => ({ name: "failJob", lease, reason, answer }),
      });
    },
  };
}

/**
 * The grant of a lease. It travels through the worker beside the token, which could be anybody's if it is not a good
 * one.
 */
function toGranted(world: World, key: LeaseKey): GrantedLease {
  const { jobId, token } = key;
  if ("grant" in key && typeof key.grant === "number") return { jobId, token, grant: key.grant };
  world.report("the worker does not pass on what it claimed: the simulation cannot judge it");
  return { jobId, token, grant: 0 };
}
