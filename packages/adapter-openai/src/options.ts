import { type HttpFetch, readBaseUrl, toConfigError } from "@leasehold/model/http";
import { z } from "zod";

import { type OpenAiBaseUrl, openAiExampleUrl } from "./base-url.ts";

/** How long a server may be silent, in milliseconds. Silence beyond it is an outage, not the job's failure. */
export interface OpenAiLimits {
  /** Until the first token: waiting in the server's queue and reading the prompt. Default: 120,000. */
  readonly firstTokenMs: number;
  /** Between two tokens. Default: 60,000. */
  readonly idleMs: number;
  /** How often `progress` says that a call within its limits is alive while the server is silent. Default: 10,000. */
  readonly progressMs: number;
}

/** How one model is asked. Data only. */
export interface OpenAiProfile {
  /** Upper bound of an answer in tokens, whatever a request asks for. Default: 4,096. */
  readonly outputTokensMax: number;
  /** Used when a request names none. Default: 0. */
  readonly temperature: number;
  /** What the server calls that bound. Most know the older name, a few only the newer. Default: `max_tokens`. */
  readonly outputTokensField: "max_tokens" | "max_completion_tokens";
}

/** Sends one request; `fetch` of the runtime fits. The init carries `timeout` and `proxy` for Bun as well. */
export type OpenAiFetch = HttpFetch;

/** What `createOpenAiModel` needs to know. */
export interface OpenAiModelOptions {
  /** `http://127.0.0.1:8000/v1` and the like, up to what stands before `/chat/completions`; see `parseOpenAiBaseUrl`. */
  readonly baseUrl: string;
  /** As `GET /models` of the server lists it. */
  readonly model: string;
  /** Sent as a bearer token, and to nobody else. Default: none. */
  readonly apiKey?: string;
  /** Default: {@link openAiProfile}. */
  readonly profile?: Partial<OpenAiProfile>;
  /** Default: `openai`. */
  readonly name?: string;
  /** Default: {@link openAiLimits}. */
  readonly limits?: Partial<OpenAiLimits>;
  /** The model reads pictures; without it a request with one is refused. Default: `false`. */
  readonly imagesExpected?: boolean;
  /**
   * What the server makes of a JSON schema: `grammar` holds the model to it while it writes, `none` refuses a request
   * with one before anything is sent. Default: `grammar`.
   */
  readonly structuredOutput?: "grammar" | "none";
  /** Origins outside the private network that learners' work may go to. Default: none. */
  readonly allowOrigins?: readonly string[];
  /** Default: the runtime's. Node's own gives up after 300 silent seconds; bring another for longer limits. */
  readonly fetch?: OpenAiFetch;
}

/** The options, checked, with every default filled in. */
export interface OpenAiConfig {
  readonly base: OpenAiBaseUrl;
  readonly model: string;
  readonly name: string;
  readonly profile: OpenAiProfile;
  readonly limits: OpenAiLimits;
  readonly imagesExpected: boolean;
  readonly structuredOutput: "grammar" | "none";
  /** What every request carries, and nothing else: the key among it. */
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: OpenAiFetch;
  /** `host:port/model`. */
  readonly resource: string;
}

/** The profile that holds where a host names none. */
export const openAiProfile: OpenAiProfile = Object.freeze({
  outputTokensMax: 4_096,
  temperature: 0,
  outputTokensField: "max_tokens",
});

/** The limits that hold where a host names none. */
export const openAiLimits: OpenAiLimits = Object.freeze({
  firstTokenMs: 120_000,
  idleMs: 60_000,
  progressMs: 10_000,
});

/** Checks the options and reports all problems at once. Values are not quoted: one of them is a key. */
export function parseOpenAiOptions(options: OpenAiModelOptions): OpenAiConfig {
  const allowOrigins = originsSchema.safeParse(options.allowOrigins).data ?? [];
  const parsed = optionsSchema(allowOrigins).safeParse(options);
  const problems = parsed.success
    ? findKeyProblems(parsed.data)
    : parsed.error.issues.map(({ path, message }) =>
        path.length === 0 ? message : `${path.join(".")}: ${message}`,
      );
  if (!parsed.success || problems.length > 0) throw toConfigError("OpenAI model", problems);
  const { baseUrl: base, apiKey, profile, limits, ...rest } = parsed.data;
  return Object.freeze({
    ...rest,
    base,
    profile: Object.freeze(profile),
    limits: Object.freeze(limits),
    headers: Object.freeze({
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
    }),
    fetch: options.fetch ?? fetch,
    resource: `${base.host}/${rest.model}`,
  });
}

interface ParsedOptions {
  readonly baseUrl: OpenAiBaseUrl;
  readonly model: string;
  readonly name: string;
  readonly apiKey?: string | undefined;
  readonly imagesExpected: boolean;
  readonly structuredOutput: "grammar" | "none";
  readonly profile: OpenAiProfile;
  readonly limits: OpenAiLimits;
}

function findKeyProblems({ baseUrl, apiKey }: ParsedOptions): readonly string[] {
  // Inside the private network the owner decides; beyond it whoever carries the packets could read the key.
  return apiKey !== undefined && !baseUrl.local && baseUrl.url.startsWith("http:")
    ? ["apiKey: would leave the private network unencrypted; use https"]
    : [];
}

function optionsSchema(allowOrigins: readonly string[]): z.ZodType<ParsedOptions> {
  const baseUrl = z.string().transform((text, context) => {
    const { base, problems } = readBaseUrl(text, { example: openAiExampleUrl, allowOrigins });
    for (const message of problems) context.addIssue({ code: "custom", message });
    return base ?? z.NEVER;
  });
  return z
    .strictObject({
      baseUrl,
      model: z
        .string()
        .regex(
          /^[A-Za-z0-9/][A-Za-z0-9._:/@+-]{0,254}$/,
          "expected a name as GET /models lists it",
        ),
      name: z
        .string()
        .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "expected [a-z0-9][a-z0-9_-]*")
        .default("openai"),
      apiKey: z
        .string()
        .regex(/^[\x21-\x7e]{1,4096}$/, "expected printable ASCII without blanks")
        .optional(),
      imagesExpected: z.boolean().default(false),
      structuredOutput: z.enum(["grammar", "none"]).default("grammar"),
      allowOrigins: originsSchema,
      fetch: z.custom<OpenAiFetch>((value) => typeof value === "function").optional(),
      profile: profileSchema.prefault({}),
      limits: limitsSchema.prefault({}),
    })
    .transform(({ allowOrigins: _origins, fetch: _fetch, ...rest }) => rest);
}

const originsSchema = z.array(z.string()).default([]);

const profileSchema = z.strictObject({
  outputTokensMax: z.int().min(1).max(131_072).default(openAiProfile.outputTokensMax),
  temperature: z.number().min(0).max(2).default(openAiProfile.temperature),
  outputTokensField: z
    .enum(["max_tokens", "max_completion_tokens"])
    .default(openAiProfile.outputTokensField),
});

/** A day: longer than any limit that means something, and within what a timer can count. */
const milliseconds = z.int().min(1).max(86_400_000);

const limitsSchema = z.strictObject({
  firstTokenMs: milliseconds.default(openAiLimits.firstTokenMs),
  idleMs: milliseconds.default(openAiLimits.idleMs),
  progressMs: milliseconds.default(openAiLimits.progressMs),
});
