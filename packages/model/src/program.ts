import { createHash } from "node:crypto";

import type { z } from "zod";

import { isProse, toAnswerSchema } from "./answer-schema.ts";
import { ModelError, type ModelMessage } from "./model.ts";
import { readJson } from "./read-json.ts";

/** What a model is shown before its own turn: something that was asked, and a good answer to it. */
export interface StepExample {
  readonly given: string;
  /** As a model would write it: JSON, or prose. */
  readonly answer: string;
}

/** A problem that is told apart from others: its code reaches the error, provenance and metrics. */
export interface CodedProblem {
  /** `[a-z0-9_]{1,64}`. */
  readonly code: string;
  /** Said to the model and to nobody else. */
  readonly sentence: string;
}

/** One call of a model: what it is told, what it is given and what its answer must look like. */
export interface StepDefinition<Input, Answer> {
  /** The system message, by language. Every step of a program speaks the same languages. */
  readonly instructions: Readonly<Record<string, string>>;
  /** Turns that come after the instructions, by language. They are data, and part of the hash. Default: none. */
  readonly examples?: Readonly<Record<string, readonly StepExample[]>>;
  /** Upper bound of the answer, in tokens. An answer that reaches it is refused, never mended. */
  readonly outputTokensMax: number;
  /** Default: `0`. */
  readonly temperature?: number;
  /** What follows the instructions and examples. Whatever a stranger wrote belongs here. */
  messages(input: Input): readonly ModelMessage[];
  /**
   * The shape of the answer; a function where it depends on the input, such as an enum of ids. A bare string is asked for
   * as prose, everything else as JSON.
   */
  readonly answer: z.ZodType<Answer> | ((input: Input) => z.ZodType<Answer>);
  /** What a schema cannot say. Each problem is one sentence, said to the model and to nobody else. */
  check?(answer: Answer, input: Input): readonly (string | CodedProblem)[];
}

/** Which program made an answer. */
export interface ProgramIdentity {
  readonly id: string;
  readonly version: string;
  /** SHA-256 of the program's data, as 64 hexadecimal digits. */
  readonly hash: string;
}

/** A step of a defined program: what `runStep` takes. */
export interface Step<Input, Answer> extends StepDefinition<Input, Answer> {
  readonly name: string;
  readonly program: ProgramIdentity;
}

/** Any steps by name. */
export type StepDefinitions = Readonly<Record<string, StepDefinition<never, unknown>>>;

export interface ProgramDefinition<Steps extends StepDefinitions> {
  /** `[a-z][a-z0-9_.-]*`, at most 64 characters. */
  readonly id: string;
  /** Must change with the code of a step, which the hash cannot see. */
  readonly version: string;
  readonly steps: Steps;
}

/** Versioned data and a little code: what a model is asked, and what is accepted. Calls nothing by itself. */
export interface Program<Steps extends StepDefinitions> extends ProgramIdentity {
  readonly steps: {
    readonly [Name in keyof Steps]: Steps[Name] extends StepDefinition<infer Input, infer Answer>
      ? Step<Input, Answer>
      : never;
  };
}

/** Types one step, so that its `check` knows the answer. */
export function defineStep<Input, Answer>(
  step: StepDefinition<Input, Answer>,
): StepDefinition<Input, Answer> {
  return step;
}

/**
 * Checks a program once, at definition, and freezes it.
 *
 * Its hash covers the data: id, version, instructions, examples, limits and every schema that does not depend on the input.
 *
 * @example
 * const summary = defineProgram({
 *   id: "summary",
 *   version: "1",
 *   steps: {
 *     summarise: defineStep({
 *       instructions: { en: "Summarise the text in at most three sentences." },
 *       outputTokensMax: 300,
 *       messages: (text: string) => [{ role: "user", content: text }],
 *       answer: z.strictObject({ summary: z.string().min(1).max(600) }),
 *     }),
 *   },
 * });
 */
export function defineProgram<const Steps extends StepDefinitions>(
  definition: ProgramDefinition<Steps>,
): Program<Steps> {
  const problems = findProblems(definition);
  if (problems.length > 0) {
    throw new ModelError(
      "config_invalid",
      `Program "${definition.id}" refused: ${problems.join("; ")}.`,
      { scope: "config", retryable: false },
    );
  }
  const { id, version } = definition;
  const identity: ProgramIdentity = Object.freeze({ id, version, hash: hashData(definition) });
  const steps = Object.entries(definition.steps).map(([name, step]) => [
    name,
    Object.freeze({ ...step, name, program: identity }),
  ]);
  return Object.freeze({ ...identity, steps: Object.freeze(Object.fromEntries(steps)) });
}

function findProblems({ id, version, steps }: ProgramDefinition<StepDefinitions>): string[] {
  const problems: string[] = [];
  if (!/^[a-z][a-z0-9_.-]{0,63}$/.test(id)) {
    problems.push("id must match [a-z][a-z0-9_.-]* and have at most 64 characters");
  }
  if (version === "") problems.push("version must not be empty");
  const entries = Object.entries(steps);
  if (entries.length === 0) problems.push("steps must name at least one step");
  const languages = new Set(entries.flatMap(([, step]) => Object.keys(step.instructions)));
  if (entries.length > 0 && languages.size === 0) problems.push("no step has instructions");
  for (const [name, step] of entries) {
    problems.push(
      ...findStepProblems(step, languages).map((problem) => `step "${name}": ${problem}`),
    );
  }
  return problems;
}

function findStepProblems(
  step: StepDefinition<never, unknown>,
  languages: ReadonlySet<string>,
): string[] {
  const problems: string[] = [];
  const missing = [...languages].filter((language) => step.instructions[language] === undefined);
  if (missing.length > 0) problems.push(`instructions lack the language ${missing.join(", ")}`);
  if (!Number.isInteger(step.outputTokensMax) || step.outputTokensMax < 1) {
    problems.push(`outputTokensMax must be a whole number from 1, got ${step.outputTokensMax}`);
  }
  if (step.temperature !== undefined && !(step.temperature >= 0)) {
    problems.push(`temperature must be 0 or more, got ${step.temperature}`);
  }
  const examples = Object.entries(step.examples ?? {});
  const unspoken = examples.map(([language]) => language).filter((each) => !languages.has(each));
  if (unspoken.length > 0)
    problems.push(`examples are in ${unspoken.join(", ")}, instructions are not`);
  if (typeof step.answer === "function") return problems;
  try {
    const isJson = !isProse(toAnswerSchema(step.answer));
    for (const [language, { answer }] of examples.flatMap(([name, each]) =>
      each.map((one) => [name, one] as const),
    )) {
      if (!fits(answer, step.answer, isJson))
        problems.push(`an example in ${language} does not fit the answer's schema`);
    }
  } catch (error) {
    if (!ModelError.is(error)) throw error;
    problems.push("the answer's schema has no JSON Schema form");
  }
  return problems;
}

function fits(answer: string, schema: z.ZodType, isJson: boolean): boolean {
  if (!isJson) return schema.safeParse(answer).success;
  const read = readJson(answer);
  return read.kind === "value" && schema.safeParse(read.value).success;
}

/** Hashes lists, not objects: the order in which languages or steps were written means nothing, that of properties does. */
function hashData({ id, version, steps }: ProgramDefinition<StepDefinitions>): string {
  const data = sortedEntries(steps).map(([name, step]) => [
    name,
    sortedEntries(step.instructions),
    step.outputTokensMax,
    step.temperature ?? 0,
    typeof step.answer === "function" ? null : toAnswerSchema(step.answer),
    ...hashableExamples(step.examples),
  ]);
  return createHash("sha256")
    .update(JSON.stringify([id, version, data]))
    .digest("hex");
}

/** Nothing without examples: the hash of a program that has none is what it was before there were any. */
function hashableExamples(examples: StepDefinition<never, unknown>["examples"]): unknown[] {
  if (examples === undefined) return [];
  return sortedEntries(examples).map(([language, turns]) => [
    language,
    turns.map(({ given, answer }) => [given, answer]),
  ]);
}

function sortedEntries<Value>(record: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
