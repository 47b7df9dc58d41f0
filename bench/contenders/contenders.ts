import { layouts } from "../layouts/layouts.ts";
import { bare } from "./bare.ts";
import type { Contender } from "./contender.ts";
import { graphileWorker } from "./graphile-worker.ts";
import { leasehold } from "./leasehold.ts";
import { pgBoss } from "./pg-boss.ts";

/** All that can be compared, in the order of the tables. */
export const contenders: readonly Contender[] = [leasehold, graphileWorker, pgBoss, bare];

export function findContender(name: string): Contender {
  const found = [...contenders, ...layouts].find((contender) => contender.name === name);
  if (found === undefined) throw new Error(`there is no contender "${name}"`);
  return found;
}
