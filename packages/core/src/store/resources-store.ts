import { arrayLiteral, type Pool, type Routine, type SqlValue } from "../database/database.ts";
import { WorkerError } from "../errors.ts";
import { createMarkedClaims } from "./claim-marks.ts";
import type { JobStore, ResourceClaimRequest, ResourceStanding } from "./job-store.ts";
import type { ClaimedRow } from "./lease-routines.ts";
import { type ResourceRecord, resourceRoutines as routines } from "./resources-routines.ts";

/** What a worker asks about resources. */
export type ResourceCalls = Pick<JobStore, "claimForResource" | "declareResource" | "peekLanes">;

interface AskedClaim extends ResourceClaimRequest {
  told(standing: ResourceStanding): void;
}

export function createResourceCalls(pool: Pick<Pool, "call">): ResourceCalls {
  const claimMarked = createMarkedClaims<ClaimedRow, AskedClaim>(async (request, marks) => {
    const { resource, worker, token, lanes, soloLanes, limit, leaseMs } = request;
    const places = [arrayLiteral(lanes), arrayLiteral(soloLanes)];
    const values = [resource, worker, token, ...places, limit, leaseMs, JSON.stringify(marks)];
    const rows = await pool.call(routines.claimForResource, values);
    for (const { standing } of rows) if (standing !== undefined) request.told(standing);
    return rows.flatMap(({ job }) => job ?? []);
  });
  return {
    async declareResource(name, concurrency) {
      await pool.call(routines.declareResource, [name, concurrency ?? null]);
    },
    async claimForResource(request) {
      let standing: ResourceStanding | undefined;
      const told = (now: ResourceStanding): void => void (standing = now);
      const rows = await claimMarked({ ...request, told });
      if (standing === undefined) throw noAnswer(routines.claimForResource);
      const jobs = rows.map((job) => ({ ...job, token: request.token }));
      return { ...standing, jobs };
    },
    peekLanes: (lanes) => pool.call(routines.peekLanes, [arrayLiteral(lanes)]),
  };
}

export interface OpenBreakerOptions {
  /** After so long one job looks whether it is back. Default: nobody does until `closeBreaker`. */
  readonly forMs?: number;
  /** Shown, in `[a-z0-9_]`. Default: `paused`. */
  readonly code?: string;
}

/** What operators do with resources, as part of a client. */
export interface Resources {
  /**
   * Says how many jobs may use a resource at once, over all workers; undefined: any number. What adapters say counts no
   * more then.
   */
  setResource(
    name: string,
    settings: { readonly concurrency: number | undefined },
  ): Promise<"created" | "updated">;
  /** Stops claims for a resource, by every worker. Jobs that run go on. */
  openBreaker(name: string, options?: OpenBreakerOptions): Promise<"ok" | "not_found">;
  /** Lets a resource be used again, slowly at first. `closed`: it was. */
  closeBreaker(name: string): Promise<"ok" | "not_found" | "closed">;
  getResources(): Promise<readonly ResourceRecord[]>;
}

export function createResources(pool: Pick<Pool, "call">): Resources {
  const ask = async <Answer>(
    routine: Routine<Answer>,
    values: readonly SqlValue[],
  ): Promise<Answer> => {
    const [answer] = await pool.call(routine, values);
    if (answer === undefined) throw noAnswer(routine);
    return answer;
  };
  return {
    setResource: async (name, { concurrency }) => {
      if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency > 0)) {
        throw new WorkerError("input_invalid", "concurrency must be a whole number from 1 on.");
      }
      return await ask(routines.setResource, [name, concurrency ?? null]);
    },
    openBreaker: (name, { forMs, code } = {}) =>
      ask(routines.openBreaker, [name, forMs ?? null, code ?? "paused"]),
    closeBreaker: (name) => ask(routines.closeBreaker, [name]),
    getResources: () => pool.call(routines.getResources, []),
  };
}

function noAnswer({ name }: Pick<Routine<unknown>, "name">): WorkerError {
  return new WorkerError("statement_failed", `Postgres gave no answer to ${name}.`);
}
