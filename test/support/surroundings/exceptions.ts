import type { Exception } from "./core-suite.ts";

function named(file: string, reason: string, tests: readonly string[]): readonly Exception[] {
  return tests.map((test) => ({ file, test, reason }));
}

const cancelLate = "a pooler passes no hint on, so a cancel is heard with the next renewal";

/** What cannot hold in a surrounding: the one list of it. */
const exceptions: Readonly<Record<string, readonly Exception[]>> = {
  pgbouncer: [
    ...named("client", "PgBouncer refuses a start-up parameter of the host's own", [
      "a client works with the options of a host that reads numbers its own way",
    ]),
    ...named("running-worker", cancelLate, [
      "a cancel reaches a running job > through the hint",
      "a cancel reaches a running job > and disturbs nobody else",
      "a cancel reaches a running job > that goes on with its next phase",
      "a cancel reaches a running job > whose worker was cut off from hints",
    ]),
    ...named("disobedient-adapters", cancelLate, [
      "adapters that do not obey > exhaust a worker",
      "adapters that do not obey > never exhaust a worker",
      "adapters that do not obey > keep a worker no longer",
    ]),
    ...named(
      "testing",
      "a pooler passes no hint on, so a sleeping worker looks when its time comes",
      ["createTestDatabase > wakes a sleeping worker"],
    ),
    ...named("pausing", "a pooler passes no hint on", ["resume > wakes sleeping workers"]),
    ...named("doctor", "it finds that no hints arrive, too", [
      "doctor > finds nothing in a queue that is well",
      "doctor > finds a resource that is away",
      "doctor > finds a pause",
      "doctor > finds a table that nobody vacuums",
      "doctor > finds a schema that is too old",
      "doctor > finds dead rows",
      "doctor > finds a schema that is newer",
      "doctor > finds a clock that went back",
      "doctor > finds a table whose rows a policy hides",
      "doctor > finds an index that is gone",
    ]),
    ...named(
      "doctor",
      "the pooler's connections are older than what the test changes for new ones",
      ["doctor > finds connections that run out", "doctor > finds a server that takes no writes"],
    ),
  ],
  "second schema": [
    ...named("worker-life", "it waits until no worker at all is connected, and the neighbour is", [
      "stop > during a start stops what the start began",
    ]),
  ],
  "postgres 15": [
    ...named("doctor", "the plan of a claim tells nothing of a policy there", [
      "doctor > finds a table whose rows a policy hides",
    ]),
  ],
  roles: [
    ...named("running-worker", "its login may not end the connections of a worker's", [
      "a cancel reaches a running job > whose worker was cut off from hints",
    ]),
  ],
};

export function exceptionsOf(surrounding: string): readonly Exception[] {
  return exceptions[surrounding] ?? [];
}
