import { arrayLiteral, type DatabaseConnection, openPool } from "./database.ts";
import {
  doctorRoutines as routines,
  type SchemaFacts,
  type ServerFacts,
} from "./doctor-routines.ts";
import { systemRuntime, wait } from "./runtime.ts";
import { callForOne } from "./store-calls.ts";

/** What a doctor asks. */
export interface DoctorStore extends AsyncDisposable {
  readServer(): Promise<ServerFacts>;
  readSchema(functions: readonly string[]): Promise<SchemaFacts>;
  /** Begins to listen; the answer tells whether something was heard within that time. */
  listen(): Promise<(withinMs: number) => Promise<boolean>>;
}

const deadlineMs = 5_000;

export function openDoctorStore(connection: DatabaseConnection, schema: string): DoctorStore {
  const pool = openPool({
    connection,
    schema,
    name: "leasehold doctor",
    max: 2,
    deadlineMs,
  });
  return {
    readServer: () => callForOne(pool, routines.doctorServer, []),
    readSchema: (functions) => callForOne(pool, routines.doctorSchema, [arrayLiteral(functions)]),
    async listen() {
      const heard = Promise.withResolvers<true>();
      const listening = pool.listen(
        "leasehold_doctor",
        () => heard.resolve(true),
        () => undefined,
      );
      // The driver waits for a silent server for ever.
      await within(deadlineMs, listening);
      return async (withinMs) => (await within(withinMs, heard.promise)) === true;
    },
    [Symbol.asyncDispose]: () => pool.end(),
  };
}

/** What comes in time; undefined when nothing does. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const over = new AbortController();
  const silence = wait(systemRuntime, ms, over.signal).then(() => undefined);
  try {
    return await Promise.race([work, silence]);
  } finally {
    over.abort();
  }
}
