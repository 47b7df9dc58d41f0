import {
  type DatabaseConnection,
  defaultSchema,
  defineRoutine,
  openPool,
  toStorableJson,
  WorkerError,
} from "@leasehold/core";
import { z } from "zod";

import type { AnswerMemory, RecalledAnswer } from "./answer-memory.ts";
import { fitsCharacters } from "./characters.ts";
import { submissionInput } from "./submission.ts";

/** A submission to be stored and worked, for a host without a web application of its own. */
export interface NewSubmission {
  /** Chosen by the caller: the same id again changes nothing. Default: a new one. */
  readonly id?: string;
  /** Whose it is: an opaque word. */
  readonly studentSub: string;
  readonly content:
    | { readonly kind: "text"; readonly text: string }
    | {
        readonly kind: "image" | "file";
        readonly storageKey: string;
        readonly mediaType: string;
        readonly bytes: number;
        readonly sha256: string;
      };
  /** Names, or names with their points. Default: one, for the whole. */
  readonly criteria?: readonly (string | { readonly name: string; readonly maxScore: number })[];
  readonly instruction?: string;
  readonly hints?: string;
  /** Default: `de`. */
  readonly language?: "de" | "en";
}

/** A submission as the worker left it. This is content: it belongs to the learner. */
export interface SubmissionReport {
  readonly id: string;
  readonly kind: string;
  readonly mediaType: string | undefined;
  readonly status: "pending" | "extracted" | "completed" | "failed";
  readonly errorCode: string | undefined;
  /** What was typed, or read from the pages. */
  readonly text: string | undefined;
  readonly feedbackMd: string | undefined;
  readonly analysis: unknown;
  readonly path: string | undefined;
  readonly needsReview: boolean | undefined;
  /** Why a person should look at it. */
  readonly flags: readonly string[];
  /** By phase. */
  readonly provenance: unknown;
  readonly jobId: string | undefined;
}

/** One line of `learning_health`. */
export interface ProbeCheck {
  readonly check: string;
  readonly status: "ok" | "failed";
  readonly detail: string | null;
}

/** A model that gives too many submissions the same. */
export interface ScoreAlarm {
  readonly shape: ScoreShape;
  readonly model: string;
  readonly program: string;
  readonly version: string;
  readonly hash: string;
}

/** No points at all, or the same share of the points in every criterion. */
export const scoreShapes = ["all_zero", "all_equal"] as const;
export type ScoreShape = (typeof scoreShapes)[number];

/** The learning worker's own functions in the database. */
export interface LearningStore extends AsyncDisposable, AnswerMemory {
  /** Throws `input_invalid` with every field that does not fit. */
  submit(submission: NewSubmission): Promise<{ readonly id: string; readonly jobId: string }>;
  readSubmission(id: string): Promise<SubmissionReport | undefined>;
  /** Who is connected. */
  currentLogin(): Promise<{ readonly login: string; readonly isSuperuser: boolean }>;
  /** How the database sees the worker. `lagSecondsMax`: how long a job may be due. Default: 900. */
  probeHealth(lagSecondsMax?: number): Promise<readonly ProbeCheck[]>;
  /** Which models give too many submissions the same: their results need review. */
  scoreAlarms(): Promise<readonly ScoreAlarm[]>;
  close(): Promise<void>;
}

/** As the runbook's own probe has it. */
const lagSecondsMaxDefault = 900;
/** As long as a job's `subject` may be. */
const studentSubCharactersMax = 256;

const optional = <Value>(column: z.ZodType<Value>): z.ZodType<Value | undefined> =>
  column.nullable().transform((value) => value ?? undefined);
const json = optional(z.unknown());

const submitted = z.tuple([z.string(), z.string()]).transform(([id, jobId]) => ({ id, jobId }));

const report: z.ZodType<SubmissionReport> = z
  .tuple([
    z.string(),
    z.string(),
    optional(z.string()),
    z.enum(["pending", "extracted", "completed", "failed"]),
    optional(z.string()),
    optional(z.string()),
    optional(z.string()),
    json,
    optional(z.string()),
    optional(z.boolean()),
    json,
    optional(z.string()),
    z.array(z.string()),
  ])
  .transform(([id, kind, mediaType, status, errorCode, text, feedbackMd, analysis, ...rest]) => ({
    id,
    kind,
    mediaType,
    status,
    errorCode,
    text,
    feedbackMd,
    analysis,
    path: rest[0],
    needsReview: rest[1],
    provenance: rest[2],
    jobId: rest[3],
    flags: rest[4],
  }));

const check: z.ZodType<ProbeCheck> = z
  .tuple([z.string(), z.enum(["ok", "failed"]), z.string().nullable()])
  .transform(([name, status, detail]) => ({ check: name, status, detail }));

const alarm: z.ZodType<ScoreAlarm> = z
  .tuple([z.enum(scoreShapes), z.string(), z.string(), z.string(), z.string()])
  .transform(([shape, model, program, version, hash]) => ({
    shape,
    model,
    program,
    version,
    hash,
  }));

const recalled: z.ZodType<RecalledAnswer> = z
  .tuple([z.unknown(), z.record(z.string(), z.json())])
  .transform(([output, provenance]) => ({ output, provenance }));

const routines = {
  recallAnswer: defineRoutine("learning_recall_answer", ["text"], recalled),
  submit: defineRoutine("learning_submit", ["text::jsonb"], submitted),
  readSubmission: defineRoutine("learning_read_submission_v2", ["uuid"], report),
  currentLogin: defineRoutine(
    "current_login",
    [],
    z
      .tuple([z.string(), z.boolean()])
      .transform(([login, isSuperuser]) => ({ login, isSuperuser })),
  ),
  scoreAlarms: defineRoutine("learning_score_alarms", [], alarm),
  health: defineRoutine("learning_health", ["double precision"], check),
};

/** Opens a small pool for the learning worker's functions. */
export function createLearningStore(options: {
  readonly connection: DatabaseConnection;
  /** Default: `leasehold`. */
  readonly schema?: string;
  /** How long Postgres may take for an answer. Default: 10000. */
  readonly deadlineMs?: number;
}): LearningStore {
  const pool = openPool({
    connection: options.connection,
    schema: options.schema ?? defaultSchema,
    name: "leasehold learning",
    max: 2,
    deadlineMs: options.deadlineMs ?? 10_000,
  });
  const close = (): Promise<void> => pool.end();
  return {
    async submit(submission) {
      checkSubmission(submission);
      const [answer] = await pool.call(routines.submit, [toStorableJson(toRow(submission))]);
      if (answer === undefined) {
        throw new WorkerError("statement_failed", "Postgres gave no answer to learning_submit.");
      }
      return answer;
    },
    readSubmission: async (id) => (await pool.call(routines.readSubmission, [id]))[0],
    async currentLogin() {
      const [answer] = await pool.call(routines.currentLogin, []);
      if (answer === undefined) {
        throw new WorkerError("statement_failed", "Postgres gave no answer to current_login.");
      }
      return answer;
    },
    probeHealth: (lagSecondsMax = lagSecondsMaxDefault) =>
      pool.call(routines.health, [lagSecondsMax]),
    recallAnswer: async (question) => (await pool.call(routines.recallAnswer, [question]))[0],
    scoreAlarms: () => pool.call(routines.scoreAlarms, []),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Holds a submission against what its phases will take, so that a caller learns of every problem and by its name. */
function checkSubmission({ id, studentSub, content, criteria = [], ...rest }: NewSubmission): void {
  const named = criteria.length === 0 ? ["overall"] : criteria;
  const parsed = submissionInput.safeParse({
    submissionId: id ?? crypto.randomUUID(),
    ...toInputContent(content),
    criteria: named.map((criterion, index) => ({
      id: `c${index + 1}`,
      ...(typeof criterion === "string" ? { name: criterion, maxScore: 10 } : criterion),
    })),
    ...rest,
  });
  const issues = parsed.error?.issues ?? [];
  const problems = issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "(top)"}: ${message}`,
  );
  if (studentSub === "" || !fitsCharacters(studentSub, studentSubCharactersMax)) {
    problems.push(`studentSub: must have 1 to ${studentSubCharactersMax} characters`);
  }
  if (problems.length === 0) return;
  throw new WorkerError("input_invalid", `Not submitted: ${problems.join("; ")}.`);
}

function toInputContent(content: NewSubmission["content"]): object {
  if (content.kind === "text") return content;
  const { kind, ...media } = content;
  return { kind, media };
}

function toRow({ id, studentSub, content, ...rest }: NewSubmission): object {
  const media =
    content.kind === "text"
      ? { text_body: content.text }
      : {
          storage_key: content.storageKey,
          mime_type: content.mediaType,
          size_bytes: content.bytes,
          sha256: content.sha256,
        };
  const criteria = rest.criteria?.map((criterion) =>
    typeof criterion === "string"
      ? criterion
      : { name: criterion.name, max_score: criterion.maxScore },
  );
  return {
    id,
    student_sub: studentSub,
    kind: content.kind,
    ...media,
    criteria,
    instruction_md: rest.instruction,
    hints_md: rest.hints,
    language: rest.language,
  };
}
