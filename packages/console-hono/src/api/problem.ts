import { WorkerError } from "@leasehold/core";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { z } from "zod";

interface Kind {
  readonly status: ContentfulStatusCode;
  readonly title: string;
  /** What to do. */
  readonly detail: string;
}

/** Everything that can be refused or go wrong. Codes are public: added freely, renamed never. */
export type ProblemCode =
  | "input_invalid"
  | "unauthenticated"
  | "forbidden"
  | "foreign_origin"
  | "grant_missing"
  | "not_found"
  | "not_offered"
  | "settled"
  | "not_settled"
  | "not_failed"
  | "conflict"
  | "unknown_phase"
  | "count_changed"
  | "too_large"
  | "media_type"
  | "internal"
  | "unavailable"
  | "busy"
  | "schema_outdated";

/** What is told of each, and what to do. */
const kinds: Readonly<Record<ProblemCode, Kind>> = {
  input_invalid: {
    status: 400,
    title: "The request does not fit",
    detail: "See `problems` for what does not, and openapi.json for what does.",
  },
  unauthenticated: {
    status: 401,
    title: "Nobody we know",
    detail: "Send the credentials that the host asks for, such as `Authorization: Bearer …`.",
  },
  forbidden: {
    status: 403,
    title: "Not with these roles",
    detail: "Ask whoever runs this host for the role that is named in `role`.",
  },
  foreign_origin: {
    status: 403,
    title: "Sent by another site",
    detail: "Open the console itself, or add the site's origin to the option `origins`.",
  },
  grant_missing: {
    status: 403,
    title: "The database does not let the console do this",
    detail:
      "The schema's owner grants the function to the console's login: docs/sql-api.md names it.",
  },
  not_found: {
    status: 404,
    title: "There is no such thing",
    detail: "It never was, or it ended so long ago that it was deleted.",
  },
  not_offered: {
    status: 404,
    title: "This host does not offer that",
    detail: "See the options of `createConsole`.",
  },
  settled: {
    status: 409,
    title: "The job has ended already",
    detail: "Look at it again: it may be requeued or replayed.",
  },
  not_settled: {
    status: 409,
    title: "The job has not ended",
    detail: "Wait for its end, or cancel it first.",
  },
  not_failed: {
    status: 409,
    title: "The job has not failed",
    detail: "Only what failed or is dead can be settled by hand.",
  },
  conflict: {
    status: 409,
    title: "Another live job holds its unique key",
    detail: "Wait for that job to end, or cancel it.",
  },
  unknown_phase: {
    status: 409,
    title: "The job never came to this phase",
    detail: "Its timeline lists the phases that it came to.",
  },
  count_changed: {
    status: 409,
    title: "There are no longer so many",
    detail: "See `count` for how many there are now, look at them, and confirm that.",
  },
  too_large: { status: 413, title: "The request is too large", detail: "Send 16 kB at most." },
  media_type: {
    status: 415,
    title: "Not JSON",
    detail: "Send `Content-Type: application/json`, and nothing else.",
  },
  internal: {
    status: 500,
    title: "The console failed",
    detail: "It is not your fault. The host's log has the time and the action.",
  },
  unavailable: {
    status: 503,
    title: "Postgres does not answer",
    detail: "Try again in some seconds. An act may have been done all the same: see the audit.",
  },
  busy: {
    status: 503,
    title: "Too much is being asked of Postgres",
    detail: "Try again in some seconds. Nothing was done.",
  },
  schema_outdated: {
    status: 503,
    title: "The schema is older than the console",
    detail: "Run `migrate`.",
  },
};

/** An answer of the form of RFC 9457. It never holds SQL, content, or the text of an error. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Of a request that does not fit: where, and how. */
  readonly problems?: readonly string[] | undefined;
  /** Of what is forbidden: the role that is needed. */
  readonly role?: string | undefined;
  /** Of `count_changed`: how many there are. */
  readonly count?: number | undefined;
}

export const problemSchema: z.ZodType<Problem> = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.enum(Object.keys(kinds)),
  detail: z.string(),
  problems: z.array(z.string()).optional(),
  role: z.string().optional(),
  count: z.int().optional(),
});

/** A refusal, thrown where it is found out. */
export class ConsoleProblem extends Error {
  readonly code: ProblemCode;
  readonly more: Pick<Problem, "problems" | "role" | "count">;

  constructor(code: ProblemCode, more: Pick<Problem, "problems" | "role" | "count"> = {}) {
    super(kinds[code].title);
    this.name = "ConsoleProblem";
    this.code = code;
    this.more = more;
  }
}

/** What is told of anything that was thrown. Nothing of its text is. */
export function toProblem(error: unknown): Problem {
  const { code, more } =
    error instanceof ConsoleProblem ? error : new ConsoleProblem(codeOf(error));
  const { status, title, detail } = kinds[code];
  return { type: `urn:leasehold:problem:${code}`, title, status, code, detail, ...more };
}

function codeOf(error: unknown): ProblemCode {
  if (error instanceof HTTPException) {
    if (error.status === 415) return "media_type";
    return error.status < 500 ? "input_invalid" : "internal";
  }
  if (!WorkerError.is(error)) return "internal";
  switch (error.code) {
    case "input_invalid":
    case "not_found":
    case "grant_missing":
    case "schema_outdated":
      return error.code;
    default:
      return "unavailable";
  }
}

/** The status of a problem, as the HTTP answer has it. */
export function statusOf(code: string): ContentfulStatusCode {
  return Object.entries<Kind>(kinds).find(([name]) => name === code)?.[1].status ?? 500;
}
