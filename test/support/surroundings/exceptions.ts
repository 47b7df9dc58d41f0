import type { Exception } from "./core-suite.ts";

function named(file: string, reason: string, tests: readonly string[]): readonly Exception[] {
  return tests.map((test) => ({ file, test, reason }));
}

const cancelLate = "a pooler passes no hint on, so a cancel is heard with the next renewal";

const wakeLate = "a pooler passes no hint on, so a sleeping worker looks when its time comes";

/** What cannot hold in a surrounding: the one list of it. */
const exceptions: Readonly<Record<string, readonly Exception[]>> = {
  pgbouncer: [
    ...named("jobs/client", "PgBouncer refuses a start-up parameter of the host's own", [
      "a client works with the options of a host that reads numbers its own way",
    ]),
    ...named("running/worker", cancelLate, [
      "a cancel reaches a running job > through the hint",
      "a cancel reaches a running job > and disturbs nobody else",
      "a cancel reaches a running job > that goes on with its next phase",
      "a cancel reaches a running job > whose worker was cut off from hints",
    ]),
    ...named("worker/disobedient-adapters", cancelLate, [""]),
    ...named("testing/testing", wakeLate, ["createTestDatabase > wakes a sleeping worker"]),
    ...named("operating/pausing", wakeLate, ["resume > wakes sleeping workers"]),
    ...named("worker/claims", wakeLate, [
      "an idle worker that looks once a minute > is woken by a job that comes",
      "an idle worker that looks once a minute > is woken by a job that is requeued",
      "an idle worker that looks once a minute > is woken by what another worker gives back",
    ]),
    ...named("limits/client", wakeLate, [
      "a worker > that looks once a minute is woken by a slot that frees",
    ]),
    ...named("schema-shelf", "what a pooler keeps open does not tell who is at work", [
      "hands nobody what somebody else has or may still be at work in",
    ]),
    ...named("operating/doctor", "a pooler passes no hint on, which is what it says", [
      "doctor > looks again and again without hints",
    ]),
    ...named(
      "operating/doctor",
      "the pooler's connections are older than what the test changes for new ones",
      ["doctor > finds connections that run out", "doctor > finds a server that takes no writes"],
    ),
  ],
  "postgres 15": [
    ...named("operating/doctor", "the plan of a claim tells nothing of a policy there", [
      "doctor > finds a table whose rows a policy hides",
    ]),
  ],
};

export function exceptionsOf(surrounding: string): readonly Exception[] {
  return exceptions[surrounding] ?? [];
}
