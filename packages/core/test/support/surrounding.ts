/** Where the tests of this process run; `test/surroundings.full.ts` says so. Plain otherwise. */
export interface Surrounding {
  /** The folder of a server that runs already. */
  readonly dataDir?: string;
  /** What every database has for `default_transaction_isolation`. */
  readonly isolation?: string;
  /** The folder of a pooler's socket; the ordinary login then comes through it. */
  readonly poolerFolder?: string;
  /** Whether a second schema, with a worker of its own, is busy in the database. */
  readonly hasNeighbour?: boolean;
  /** Whether workers have a login that may only execute functions. */
  readonly hasRoles?: boolean;
}

/** The one setting of the tests. It is for programs that start them, not for people. */
export const surrounding: Surrounding = JSON.parse(
  process.env["LEASEHOLD_TEST_SURROUNDING"] ?? "{}",
) as Surrounding;

/** Who works in the second schema. */
export const neighbourLogin = "leasehold_tests_neighbour";

/** The URL through the pooler. Our own driver reads the mark, and that of a test the second word. */
export function throughPooler(url: string, folder: string): string {
  return `${url.replace(/@[^,]+,/, () => `@${encodeURIComponent(folder)},`)}?pgbouncer=true&prepare=false`;
}
