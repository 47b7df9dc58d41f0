import { arrayLiteral, type DatabaseConnection, openPool } from "../database/database.ts";
import { systemRuntime, wait } from "../runtime.ts";
import { callForOne } from "../store/store-calls.ts";
import {
  doctorRoutines as routines,
  type SchemaFacts,
  type ServerFacts,
} from "./doctor-routines.ts";

/** What a doctor asks. */
export interface DoctorStore extends AsyncDisposable {
  readServer(): Promise<ServerFacts>;
  readSchema(functions: readonly string[]): Promise<SchemaFacts>;
  /** Begins to listen; the answer tells whether something was heard within that time. */
  listen(): Promise<(withinMs: number) => Promise<boolean>>;
}

export function openDoctorStore(
  connection: DatabaseConnection,
  schema: string,
  deadlineMs: number,
): DoctorStore {
  const pool = openPool({
    connection,
    schema,
    name: "leasehold doctor",
    max: 2,
    deadlineMs,
  });
  let listening: Promise<void> | undefined;
  let heard = Promise.withResolvers<true>();
  const listen = async (): Promise<void> => {
    try {
      const onHint = (): void => heard.resolve(true);
      await pool.listen("leasehold_doctor", onHint, () => undefined);
    } catch (error) {
      listening = undefined;
      throw error;
    }
  };
  return {
    readServer: () => callForOne(pool, routines.doctorServer, []),
    readSchema: (functions) => callForOne(pool, routines.doctorSchema, [arrayLiteral(functions)]),
    async listen() {
      heard = Promise.withResolvers();
      const { promise } = heard;
      listening ??= listen();
      // The driver waits for a silent server for ever.
      await within(deadlineMs, listening);
      return async (withinMs) => (await within(withinMs, promise)) === true;
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
