import { createHash } from "node:crypto";

import { type AdapterContext, type PhaseResult, WorkerError } from "@leasehold/core";
import {
  type Fall,
  type ModelV1,
  type Rung,
  runStep,
  type StepCall,
  type StepResult,
  takeLadder,
} from "@leasehold/model";

import { toAnalysis } from "./analysis.ts";
import { type AnswerMemory, hashQuestion, recall } from "./answer-memory.ts";
import { type FeedbackOutput, feedbackOutput, type FeedbackPath } from "./criteria.ts";
import { keepStep, recallStep } from "./kept-step.ts";
import { feedbackProgram, oneShotProgram } from "./programs/feedback-program.ts";
import { notAssessed } from "./programs/feedback-words.ts";
import {
  type AssessInput,
  checkJudgements,
  hintsLeaked,
  type Judgements,
  toJudgementsSchema,
} from "./programs/judgement.ts";
import { toSegments } from "./programs/segments.ts";
import { findReviewFlags } from "./review-flags.ts";
import type { SubmissionInput } from "./submission.ts";

/** A way to a result when the program has none. */
export type FeedbackFallback = Exclude<FeedbackPath, "program">;

/** Why a way was left: the values of `reason` in a `fallback.taken`. */
export const fallbackReasons = [
  "not_json",
  "schema_violated",
  "check_failed",
  "hints_leaked",
  "output_invalid",
  "output_truncated",
  "output_runaway",
] as const;

export interface FeedbackPhase {
  readonly model: ModelV1;
  /** Time of one model call, warm-up excluded. */
  readonly timeoutMs: number;
  readonly fallbacks: readonly FeedbackFallback[];
  /** Default: no assessment is recalled. */
  readonly memory?: AnswerMemory;
}

/** A text to assess. */
export interface FeedbackRequest {
  readonly input: SubmissionInput;
  readonly text: string;
  /** Its pages carry words that nobody sees, and that are not in the text. Default: `false`. */
  readonly pagesHideText?: boolean;
  /** What earlier attempts saved, by part. Default: nothing. */
  readonly known?: ReadonlyMap<number, unknown>;
}

/** The part under which the judgements are kept until they are put into words. */
const analysisPart = 1;

/** What one way to a result found. */
interface Assessment {
  readonly judgements: Judgements;
  readonly feedbackMd: string;
  readonly provenance: PhaseResult["provenance"];
}

/** What a result takes from a step. */
type Answered<Answer> = Pick<StepResult<Answer>, "answer" | "sanitised" | "provenance">;
type Analysed = Answered<Judgements>;

/** Asks one step of a program, with all that the steps of an attempt have in common. */
type AskStep = <Input, Answer>(
  step: Parameters<typeof runStep<Input, Answer>>[0],
  input: Input,
) => Promise<StepResult<Answer>>;

/**
 * Assesses a text in two steps: first the criteria as data, then prose that rests on them. When no answer holds, it is
 * asked for less, as far as `fallbacks` go. What the same text was given before is recalled, if there is a memory.
 */
export async function assessText(
  phase: FeedbackPhase,
  request: FeedbackRequest,
  context: AdapterContext,
): Promise<PhaseResult> {
  const { memory } = phase;
  if (memory === undefined) return await assessAnew(phase, request, context);
  const question = toQuestion(phase, request);
  const recalled = await recall(memory, question, context);
  const old = feedbackOutput.safeParse(recalled?.output);
  if (recalled !== undefined && old.success) {
    const { feedbackMd, analysis, path } = old.data;
    const output = { feedbackMd, analysis, path, ...toReview(path, request) };
    return { output, provenance: { ...recalled.provenance, recalled: true } };
  }
  const { output, provenance } = await assessAnew(phase, request, context);
  // What nobody assessed is no answer to be given again.
  const isAnswer = provenance["path"] !== "degraded";
  return { output, provenance: isAnswer ? { ...provenance, question } : provenance };
}

function toQuestion({ model, fallbacks }: FeedbackPhase, { input, text }: FeedbackRequest): string {
  const { criteria, instruction = null, hints = null, language } = input;
  const asked = criteria.map(({ id, name, maxScore }) => [id, name, maxScore]);
  return hashQuestion({
    model,
    programs: [feedbackProgram, oneShotProgram],
    asked: [text, asked, instruction, hints, language, ...fallbacks],
  });
}

/** Whether a person should look at a result, and why. */
function toReview(
  path: FeedbackPath,
  { text, pagesHideText = false }: FeedbackRequest,
): Pick<FeedbackOutput, "needsReview" | "flags"> {
  const flags = findReviewFlags(text, { pagesHideText });
  return {
    needsReview: path === "degraded" || flags.length > 0,
    ...(flags.length === 0 ? {} : { flags }),
  };
}

async function assessAnew(
  phase: FeedbackPhase,
  request: FeedbackRequest,
  context: AdapterContext,
): Promise<PhaseResult> {
  const { input, text, known } = request;
  const segments = toSegments(text);
  if (segments.length === 0) {
    throw new WorkerError("input_unsupported", "There is nothing to assess: the text is empty.");
  }
  const { model, timeoutMs } = phase;
  await model.prepare?.(context);
  const { criteria, instruction, hints, language } = input;
  const nonce = toNonce(context);
  const given: AssessInput = { segments, criteria, instruction, hints, nonce, language };
  const ask: AskStep = (step, stepInput) => {
    const { attempt } = context;
    const call = { model, language, key: input.submissionId, attempt, timeoutMs, context };
    return runStep(step, { ...call, input: stepInput } satisfies StepCall<typeof stepInput>);
  };
  const analyse = (): Promise<Analysed> =>
    analyseOnce(
      { resource: model.resource, input: given, saved: known?.get(analysisPart) },
      ask,
      context,
    );
  const rungs = toRungs(phase, given, { ask, analyse });
  const taken = await takeLadder(rungs, (fall) => tell(context, fall));
  const { judgements, feedbackMd, provenance } = taken.result;
  const { path } = taken;
  const output: FeedbackOutput = {
    feedbackMd,
    analysis: toAnalysis({ criteria, segments, judgements, language }),
    path,
    ...toReview(path, request),
  };
  const falls = taken.falls.map(({ path: to, reason }) => ({ path: to, reason }));
  return {
    output,
    provenance: { ...provenance, path, ...(falls.length === 0 ? {} : { falls }) },
  };
}

function toRungs(
  { model, fallbacks }: FeedbackPhase,
  input: AssessInput,
  { ask, analyse }: { readonly ask: AskStep; readonly analyse: () => Promise<Analysed> },
): readonly [Rung<Assessment, FeedbackPath>, ...Rung<Assessment, FeedbackPath>[]] {
  const others: readonly Rung<Assessment, FeedbackPath>[] = [
    {
      path: "one_shot",
      // It would be shown the hints again, by a model that does not keep them.
      suits: (reason) => reason !== hintsLeaked,
      take: () => askOnce(input, ask),
    },
    { path: "degraded", take: async () => giveUp(model, input) },
  ];
  return [
    { path: "program", take: async () => putIntoWords(input, await analyse(), ask) },
    ...others.filter(({ path }) => fallbacks.some((fallback) => fallback === path)),
  ];
}

/** The first step, or what an earlier attempt has of it: an outage before the second must not cost it again. */
async function analyseOnce(
  {
    resource,
    input,
    saved,
  }: { readonly resource: string; readonly input: AssessInput; readonly saved: unknown },
  ask: AskStep,
  context: AdapterContext,
): Promise<Analysed> {
  const { analyse } = feedbackProgram.steps;
  const schema = toJudgementsSchema(input);
  const holds = (answer: unknown): answer is Judgements => {
    const parsed = schema.safeParse(answer);
    return parsed.success && checkJudgements(parsed.data, input).length === 0;
  };
  const kept = recallStep(saved, { resource, program: analyse.program }, holds);
  if (kept !== undefined) return kept;
  const result = await ask(analyse, input);
  await keepStep(context, analysisPart, { resource, result });
  return result;
}

async function putIntoWords(
  input: AssessInput,
  analysed: Analysed,
  ask: AskStep,
): Promise<Assessment> {
  const judgements = analysed.answer;
  const written = await ask(feedbackProgram.steps.synthesise, { ...input, judgements });
  return {
    judgements,
    feedbackMd: written.answer,
    provenance: toProvenance({ analyse: analysed, synthesise: written }),
  };
}

async function askOnce(input: AssessInput, ask: AskStep): Promise<Assessment> {
  const answered = await ask(oneShotProgram.steps.answer, input);
  const { assessment: judgements, feedback_md: feedbackMd } = answered.answer;
  return { judgements, feedbackMd, provenance: toProvenance({ answer: answered }) };
}

/** A result that says nothing rather than something that nobody said. */
function giveUp({ resource }: ModelV1, { language }: AssessInput): Assessment {
  const { id: program, version, hash } = feedbackProgram;
  return {
    judgements: {},
    feedbackMd: notAssessed[language],
    provenance: { resource, program, version, hash },
  };
}

function toProvenance(
  results: Readonly<Record<string, Answered<unknown>>>,
): PhaseResult["provenance"] {
  const steps = Object.entries(results);
  const [[, first] = []] = steps;
  const { step: _step, asks: _asks, ...shared } = first?.provenance ?? {};
  const cleaned = { replaced: 0, controls: 0, hidden: 0 };
  for (const [, { sanitised }] of steps) {
    cleaned.replaced += sanitised.replaced;
    cleaned.controls += sanitised.controls;
    cleaned.hidden += sanitised.hidden;
  }
  const isClean = Object.values(cleaned).every((count) => count === 0);
  return {
    ...shared,
    asks: Object.fromEntries(steps.map(([name, { provenance }]) => [name, provenance.asks])),
    ...(isClean ? {} : { cleaned }),
  };
}

/** Says that a way was left, in words of ours. What counts them hears it where every adapter speaks: in the log. */
function tell({ logger, jobId, phase, attempt }: AdapterContext, { path, reason }: Fall): void {
  const known = fallbackReasons.some((word) => word === reason);
  logger.warn("fallback.taken", {
    jobId,
    phase,
    attempt,
    path,
    reason: known ? reason : "output_invalid",
  });
}

/** A word that a learner cannot know when writing: it hangs on the job and the attempt. */
function toNonce({ jobId, attempt }: AdapterContext): string {
  return createHash("sha256").update(`fence ${jobId} ${attempt}`).digest("hex").slice(0, 16);
}
