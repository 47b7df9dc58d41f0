import type { ModelSchema } from "../model/create-schema.ts";
import type { SchemaFunctions } from "../model/schema.ts";
import type { JobStore } from "../production.ts";
import type { ProcessState } from "../world/process-state.ts";

/** A bug with a name. A simulation is worth what it finds, so it is tried on bugs that we know. */
export interface Mutant {
  readonly name: string;
  /** Functions that are created again, wrongly. */
  functions?(schema: ModelSchema, caller: () => ProcessState | undefined): Partial<SchemaFunctions>;
  /** What a worker does wrongly with its store. */
  store?(store: JobStore, process: ProcessState): JobStore;
}
