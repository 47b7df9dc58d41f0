import { createCharging } from "./charging.ts";
import { createJobs } from "./jobs.ts";
import { createLeasing } from "./leasing.ts";
import { createPhases } from "./phases.ts";
import { createResources } from "./resources.ts";
import type { Schema, SchemaFunctions, Server } from "./schema.ts";
import { createSettling } from "./settling.ts";
import { createTables, type Journal } from "./tables.ts";

/** A schema, and how a test looks at what it did. */
export interface ModelSchema extends Schema {
  readonly journal: Journal;
  /** One statement in a transaction of its own: what it changed is undone when it raises. */
  transact<Answer>(statement: () => Answer): Answer;
  /** As `create or replace function`. */
  replace(functions: Partial<SchemaFunctions>): void;
}

/** Makes an empty schema on a server. */
export function createSchema(server: Server): ModelSchema {
  const { tables, journal } = createTables();
  // It is filled below; until then nobody calls a function.
  const functions = {} as SchemaFunctions;
  const block = <Answer>(body: () => Answer): Answer => {
    const mark = journal.mark();
    try {
      return body();
    } catch (error) {
      journal.rollBack(mark);
      throw error;
    }
  };
  const schema: ModelSchema = {
    tables,
    journal,
    server,
    functions,
    block,
    transact(statement) {
      journal.empty();
      return block(statement);
    },
    replace: (replaced) => void Object.assign(functions, replaced),
  };
  schema.replace(createLeasing(schema));
  schema.replace(createSettling(schema));
  schema.replace(createCharging(schema));
  schema.replace(createPhases(schema));
  schema.replace(createJobs(schema));
  schema.replace(createResources(schema));
  return schema;
}
