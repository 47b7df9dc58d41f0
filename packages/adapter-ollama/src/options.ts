import { type HttpFetch, readBaseUrl, toConfigError } from "@leasehold/model/http";
import { z } from "zod";

import { type OllamaBaseUrl, ollamaExampleUrl } from "./base-url.ts";
import { findOllamaProfile, type OllamaProfile } from "./profile.ts";

/** How long Ollama may be silent, in milliseconds. Silence beyond it is an outage, not the job's failure. */
export interface OllamaLimits {
  /** Until the first token: waiting in Ollama's queue and reading the prompt. Default: 120,000. */
  readonly firstTokenMs: number;
  /** Between two tokens. Default: 60,000. */
  readonly idleMs: number;
  /** Loading the model. Default: 300,000. */
  readonly loadMs: number;
  /** How often `progress` says that a call within its limits is alive while Ollama is silent. Default: 10,000. */
  readonly progressMs: number;
}

/** Sends one request; `fetch` of the runtime fits. The init carries `timeout` and `proxy` for Bun as well. */
export type OllamaFetch = HttpFetch;

/** What `createOllamaModel` needs to know. */
export interface OllamaModelOptions {
  /**
   * `http://127.0.0.1:11434` and the like; see `parseOllamaBaseUrl`. Of several, a call goes to one that is there, has
   * the model loaded and has the least to do.
   */
  readonly baseUrl: string | readonly string[];
  /** As `ollama list` shows it. */
  readonly model: string;
  /** Default: what `findOllamaProfile` finds for the model. */
  readonly profile?: Partial<OllamaProfile>;
  /** Default: `ollama`. */
  readonly name?: string;
  readonly limits?: Partial<OllamaLimits>;
  /** Jobs that the model may have at once on each server, over all workers: as its `OLLAMA_NUM_PARALLEL`. Default: 1. */
  readonly concurrency?: number;
  /** The model reads pictures; without it a request with one is refused. Default: `false`. */
  readonly imagesExpected?: boolean;
  /** Origins outside the private network that learners' work may go to. Default: none. */
  readonly allowOrigins?: readonly string[];
  /** Default: the runtime's. Node's own gives up after 300 silent seconds; bring another for longer limits. */
  readonly fetch?: OllamaFetch;
}

/** Where a call goes, and how. */
export interface OllamaTarget {
  readonly base: OllamaBaseUrl;
  readonly fetch: OllamaFetch;
  /** Names it in errors: `host:port/model`. */
  readonly resource: string;
}

/** The options for one server, checked, with every default filled in. */
export interface OllamaConfig extends OllamaTarget {
  readonly model: string;
  readonly name: string;
  readonly profile: OllamaProfile;
  readonly limits: OllamaLimits;
  readonly imagesExpected: boolean;
  /** A model that only forwards to Ollama's cloud may be used. */
  readonly cloudAllowed: boolean;
  /** Nothing leaves the machine or its private network. */
  readonly local: boolean;
  /** On this server. */
  readonly concurrency: number;
}

/** The name under which Ollama's own cloud is allowed: some "local" models are only a door to it. */
export const ollamaCloudOrigin = "https://ollama.com";

/** The limits that hold where a host names none. */
export const ollamaLimits: OllamaLimits = Object.freeze({
  firstTokenMs: 120_000,
  idleMs: 60_000,
  loadMs: 300_000,
  progressMs: 10_000,
});

/** Checks the options and reports all problems at once. Values are not quoted: an address may carry a password. */
export function parseOllamaOptions(
  options: OllamaModelOptions,
): readonly [OllamaConfig, ...OllamaConfig[]] {
  const imagesExpected = options.imagesExpected === true;
  const allowOrigins = originsSchema.safeParse(options.allowOrigins).data ?? [];
  const parsed = optionsSchema({
    allowOrigins,
    profile: findOllamaProfile(options.model, imagesExpected ? "vision" : "text"),
  }).safeParse(options);
  if (!parsed.success) {
    const isList = Array.isArray(options.baseUrl);
    const problems = parsed.error.issues.map(({ path, message }) => {
      // A single address is a list of one only in here.
      const shown = !isList && path[0] === "baseUrl" ? ["baseUrl"] : path;
      return shown.length === 0 ? message : `${shown.join(".")}: ${message}`;
    });
    throw toConfigError("Ollama model", problems);
  }
  const { baseUrl, model, name, profile, limits, concurrency } = parsed.data;
  const cloudAllowed = allowOrigins.includes(ollamaCloudOrigin);
  const toConfig = (base: OllamaBaseUrl): OllamaConfig =>
    Object.freeze({
      base,
      model,
      name,
      profile: Object.freeze(profile),
      limits: Object.freeze(limits),
      imagesExpected,
      cloudAllowed,
      // A model may be a door to the cloud under any name, so that who allows it gets no promise.
      local: base.local && !cloudAllowed,
      fetch: options.fetch ?? fetch,
      resource: `${base.host}/${model}`,
      concurrency,
    });
  const [first, ...others] = baseUrl;
  return [toConfig(first), ...others.map(toConfig)];
}

interface ParsedOptions {
  readonly baseUrl: readonly [OllamaBaseUrl, ...OllamaBaseUrl[]];
  readonly model: string;
  readonly name: string;
  readonly profile: OllamaProfile;
  readonly limits: OllamaLimits;
  readonly concurrency: number;
}

interface OptionsFrame {
  readonly allowOrigins: readonly string[];
  /** What fills the gaps of the profile. */
  readonly profile: OllamaProfile;
}

function optionsSchema({ allowOrigins, profile }: OptionsFrame): z.ZodType<ParsedOptions> {
  const one = z.string().transform((text, context) => {
    const { base, problems } = readBaseUrl(text, {
      example: ollamaExampleUrl,
      allowOrigins,
    });
    for (const message of problems) context.addIssue({ code: "custom", message });
    return base ?? z.NEVER;
  });
  const several = z
    .tuple([one], one)
    .refine((bases) => bases.length <= hostsMax, `must be at most ${hostsMax}`)
    .refine(
      (bases) => new Set(bases.map(({ host }) => host)).size === bases.length,
      "must name each server once",
    );
  const baseUrl = z.preprocess((given) => (Array.isArray(given) ? given : [given]), several);
  const model = z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,254}$/, "expected a name as `ollama list` shows it")
    .refine(
      (name) => !isCloudModel(name) || allowOrigins.includes(ollamaCloudOrigin),
      cloudProblem,
    );
  return z.strictObject({
    baseUrl,
    model,
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, "expected [a-z0-9][a-z0-9_-]*")
      .default("ollama"),
    imagesExpected: z.boolean().default(false),
    allowOrigins: originsSchema,
    fetch: z.custom<OllamaFetch>((value) => typeof value === "function").optional(),
    profile: profileSchema(profile).prefault({}),
    limits: limitsSchema.prefault({}),
    concurrency: z.int().min(1).max(1_000).default(1),
  });
}

/** Servers of one model: whoever has more has something before them that shares out calls. */
const hostsMax = 32;

const originsSchema = z.array(z.string()).default([]);

function profileSchema(defaults: OllamaProfile): z.ZodType<OllamaProfile, object> {
  return z
    .strictObject({
      numCtx: z.int().min(256).max(1_048_576).default(defaults.numCtx),
      numPredict: z.int().min(1).max(131_072).default(defaults.numPredict),
      // Zero is left out: Ollama takes it as the order to unload the model.
      keepAlive: z
        .union([z.int().min(1), z.int().max(-1), z.string().regex(/^-?[1-9]\d{0,8}(ms|s|m|h)$/)])
        .default(defaults.keepAlive),
      think: z.literal(false).default(false),
      temperature: z.number().min(0).max(2).default(defaults.temperature),
      imagePatchPixels: z.int().min(1).max(256).default(defaults.imagePatchPixels),
      imageSide: z.int().min(64).max(8_192).default(defaults.imageSide),
      instructions: z.enum(["system", "user"]).default(defaults.instructions),
      fixedPrompt: z.string().max(1_000).default(defaults.fixedPrompt),
      jsonMode: z.enum(["schema", "words"]).default(defaults.jsonMode),
    })
    .refine(({ numCtx, numPredict }) => numPredict < numCtx, {
      path: ["numPredict"],
      error: "must be below numCtx, which prompt and answer share",
    });
}

/** A day: longer than any limit that means something, and within what a timer can count. */
const milliseconds = z.int().min(1).max(86_400_000);

const limitsSchema = z.strictObject({
  firstTokenMs: milliseconds.default(ollamaLimits.firstTokenMs),
  idleMs: milliseconds.default(ollamaLimits.idleMs),
  loadMs: milliseconds.default(ollamaLimits.loadMs),
  progressMs: milliseconds.default(ollamaLimits.progressMs),
});

/** Why a model that only forwards to Ollama's cloud is refused. */
export const cloudProblem: string =
  "the model runs in Ollama's cloud, and learners' work would leave the private network; " +
  `name ${ollamaCloudOrigin} in allowOrigins if that is meant`;

function isCloudModel(model: string): boolean {
  return /[:-]cloud$/i.test(model);
}
