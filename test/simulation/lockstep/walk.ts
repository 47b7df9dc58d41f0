import { deepStrictEqual, ok } from "node:assert/strict";

import type { Command } from "./commands.ts";
import { ask, createBook, learn } from "./lockstep.ts";
import { createModelSide, type Mistake } from "./model-side.ts";
import type { PostgresSide } from "./postgres-side.ts";
import type { RowSight, Sight } from "./side.ts";

/** The two clocks tick on with each look, though not in the same steps. */
const toleranceMs = 20;

export interface Walk {
  /** Where both clocks begin, before (below 0) or after the server's start. */
  readonly startMs: number;
  readonly commands: readonly Command[];
  readonly mistake?: Mistake;
}

/** Gives the same commands to Postgres and to the model, and throws at the first difference. */
export async function walkTogether(
  postgres: PostgresSide,
  { startMs, commands, mistake }: Walk,
): Promise<void> {
  await postgres.reset(startMs);
  const model = createModelSide(startMs, mistake);
  const book = createBook();
  for (const command of commands) {
    const answer = await ask(postgres, book, command);
    const sight = await postgres.look();
    model.follow(sight);
    deepStrictEqual(plain(await ask(model, book, command)), plain(answer), command.name);
    compareSights(await model.look(), sight, command.name);
    learn(book, command, answer);
  }
}

function compareSights(modelled: Sight, real: Sight, after: string): void {
  compareRows(modelled.jobs, real.jobs, after);
  compareRows(modelled.resources, real.resources, after);
}

function compareRows(
  modelled: readonly RowSight[],
  real: readonly RowSight[],
  after: string,
): void {
  deepStrictEqual(plain(modelled.map(toRows)), plain(real.map(toRows)), `rows after ${after}`);
  for (const [place, { id, times }] of real.entries()) {
    const modelledTimes = modelled[place]?.times ?? {};
    deepStrictEqual(Object.keys(modelledTimes), Object.keys(times), `moments after ${after}`);
    for (const [name, time] of Object.entries(times)) {
      const apartMs = Math.abs(time - (modelledTimes[name] ?? 0));
      ok(apartMs <= toleranceMs, `${name} of ${id} is ${apartMs} ms apart after ${after}`);
    }
  }
}

function toRows({ id, rows }: RowSight): unknown {
  return { id, rows };
}

/** What is absent on one side is null on the other. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify({ value }, (_, item: unknown) => item ?? null));
}
