import {
  definePipeline,
  type FencedStatement,
  type PhaseContext,
  type PhaseRequest,
  type PhaseResult,
  type Pipeline,
} from "@leasehold/core";
import { z } from "zod";

import type { Random } from "../simulation/world/random.ts";
import type { History } from "./history.ts";

/** The type of every job of a chaos run. */
export const chaosType: string = "chaos";
/** Its phases, in order. */
export const chaosPhases: readonly string[] = ["prepare", "finish"];

/** What a worker needs to do the work. Whoever only enqueues needs none of it. */
export interface ChaosWork {
  readonly history: Pick<History, "write">;
  readonly random: Random;
}

/** What a job is enqueued with. */
export interface ChaosPayload {
  readonly number: number;
}

/**
 * The work: the first phase saves three parts and commits an effect, the second one finishes. All of it takes a while in
 * which nothing happens, except that its process may be killed.
 */
export function createChaosPipeline(work?: ChaosWork): Pipeline<z.ZodType<ChaosPayload>> {
  const output = z.object({ phase: z.string() });
  const runWith =
    (body: Body): ((request: PhaseRequest, context: PhaseContext) => Promise<PhaseResult>) =>
    async (request, context) => {
      if (work === undefined) throw new Error("this pipeline is only good for enqueuing");
      const { phase } = context;
      const tools = createTools(work, context);
      tools.tell("work.begun");
      await body(request, context, tools);
      tools.tell("work.done");
      return { output: { phase }, provenance };
    };
  return definePipeline({
    type: chaosType,
    version: 1,
    input: z.object({ number: z.int() }),
    phases: [
      { name: "prepare", output, run: runWith(prepare) },
      { name: "finish", output, run: runWith(finish) },
    ],
  });
}

type Body = (request: PhaseRequest, context: PhaseContext, tools: Tools) => Promise<void>;

interface Tools {
  /** Writes down how far the work has come. */
  tell(name: string, part?: number): void;
  /** Takes a while. */
  toil(): Promise<void>;
}

const parts = [1, 2, 3];
const toilMs = { min: 1, max: 30 };
/**
 * Whoever has a job from a worker that lost it takes his time, so that the one who lost it comes back while he is at it.
 * Only the first heir does: those after him would be killed in their turn, again and again.
 */
const heirToilMs = { min: 50, max: 250 };
const heirAttempt = 2;
const provenance = { adapter: "chaos" };

async function prepare(request: PhaseRequest, context: PhaseContext, tools: Tools): Promise<void> {
  const saved = new Set(request.parts.map(({ part }) => part));
  for (const part of parts.filter((each) => !saved.has(each))) {
    tools.tell("part.begun", part);
    await tools.toil();
    tools.tell("part.done", part);
    await context.savePart(part, { part }, provenance);
    tools.tell("part.saved", part);
  }
  await tools.toil();
  await context.commit(effectsOf(context));
  tools.tell("effect.committed");
  await tools.toil();
}

async function finish(_: PhaseRequest, __: PhaseContext, tools: Tools): Promise<void> {
  await tools.toil();
  await tools.toil();
}

function createTools({ history, random }: ChaosWork, context: PhaseContext): Tools {
  const { jobId, phase, attempt } = context;
  const { min, max } = attempt === heirAttempt ? heirToilMs : toilMs;
  return {
    tell: (name, part) => history.write({ name, jobId, phase, attempt, part }),
    toil: () => Bun.sleep(random.between(min, max)),
  };
}

/**
 * What is committed under the lease: that it was, always; and the effect, unless an attempt before was killed between
 * its commit and its checkpoint. Only because nobody else holds the lease, that look is not too early.
 */
function effectsOf({ jobId, phase, attempt }: PhaseContext): readonly FencedStatement[] {
  return [
    {
      text: `insert into public.chaos_write (job_id, phase, attempt)
        values ($1::uuid, $2::text, $3::integer)`,
      parameters: [jobId, phase, attempt],
    },
    {
      text: `insert into public.chaos_effect (job_id, kind)
        select $1::uuid, 'prepared' where not exists (
          select from public.chaos_effect where job_id = $1::uuid and kind = 'prepared'
        )`,
      parameters: [jobId],
    },
  ];
}
