import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";

import { parseOllamaBaseUrl } from "@leasehold/adapter-ollama";
import { parseOpenAiBaseUrl } from "@leasehold/adapter-openai";
import { parseStubScript } from "@leasehold/adapter-stub";
import { WorkerError } from "@leasehold/core";
import { bearerTokens } from "@leasehold/health-hono";
import type { FeedbackFallback } from "@leasehold/learning";

import { type ConsoleOperator, toConsoleOperators } from "./console-operators.ts";
import type { Setting } from "./setting-kinds.ts";
import { type EnvironmentValues, settings } from "./settings.ts";
import { toTraces, type TracesConfig } from "./traces-config.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the worker runs by. */
export interface WorkerConfig {
  /** Undefined: the embedded Postgres. */
  readonly databaseUrl: string | undefined;
  /** For migrations, erasing a learner, and what an administrator asks by hand. */
  readonly adminDatabaseUrl: string | undefined;
  readonly schema: string;
  readonly dataDir: string;
  readonly migrates: boolean;
  readonly backend: BackendConfig;
  readonly storageRoot: string;
  readonly worker: {
    readonly concurrency: number;
    readonly leaseSeconds: number;
    readonly pollSeconds: number;
    readonly graceSeconds: number;
    readonly abandonedMax: number;
  };
  /** How long a job may be due. */
  readonly queueLagSeconds: number;
  /** Undefined: as the adapter has it. */
  readonly feedbackFallbacks: readonly FeedbackFallback[] | undefined;
  readonly recallsAnswers: boolean;
  /** Whether a scheduler runs beside the worker. */
  readonly schedules: boolean;
  readonly http: HttpConfig;
  /** Who may use the page, as far as the environment names them. */
  readonly consoleOperators: readonly ConsoleOperator[];
  /** Undefined: no traces are sent. */
  readonly traces: TracesConfig | undefined;
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly format: "auto" | "json" | "pretty";
  };
  /** Variables that are set and do nothing, or do harm, each with what to do instead. */
  readonly warnings: readonly string[];
}

export type BackendConfig =
  | { readonly kind: "stub"; readonly script: string | undefined; readonly markers: boolean }
  | LocalBackendConfig
  | ({
      readonly kind: "openai";
      readonly baseUrl: string;
      readonly apiKey: string | undefined;
    } & ModelsConfig);

/** Two models on one Ollama server or on several. */
export interface LocalBackendConfig extends ModelsConfig {
  readonly kind: "local";
  readonly baseUrl: readonly string[];
  readonly gpuExpected: boolean;
}

/** Two models. */
interface ModelsConfig {
  readonly visionModel: string;
  readonly feedbackModel: string;
  readonly visionTimeoutSeconds: number;
  readonly feedbackTimeoutSeconds: number;
  readonly allowOrigins: readonly string[];
}

export interface HttpConfig {
  readonly host: string;
  /** Undefined: no HTTP. */
  readonly port: number | undefined;
  /** The port was not chosen by anybody, so another will do. */
  readonly isDefaultPort: boolean;
  /** Empty: one is made and kept in the data folder. */
  readonly operatorTokens: readonly string[];
}

const portDefault = 8787;

/** Variables of the runbook that something else decides here. */
const replaced: Readonly<Record<string, string>> = {
  WORKER_MAX_RETRIES: "set retries_max with leasehold.register_type",
  WORKER_BACKOFF_SECONDS: "set backoff_base_ms with leasehold.register_type",
  WORKER_LEASE_MULTIPLIER: "set WORKER_LEASE_SECONDS; leases are renewed",
};

/** Logins that can do everything; a worker must not be one of them. */
const refusedLogins = new Set(["postgres", "service_role", "supabase_admin"]);

/** An environment that no worker can run by. */
export class EnvironmentError extends WorkerError {
  /** All of them: the message is cut to what a row of the database may hold. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const message = `The environment does not fit: ${problems.join("; ")}.`;
    super("config_invalid", message, { scope: "config" });
    this.problems = problems;
  }
}

/**
 * Reads a configuration out of an environment. Pure but for the files that `*_FILE` variables name.
 *
 * Throws an {@link EnvironmentError} with every problem at once. Values of secrets are in none of them.
 */
export function parseEnvironment(environment: Environment): WorkerConfig {
  const problems: string[] = [];
  const values = readValues(environment, problems);
  const isProduction = values.nodeEnv === "production";
  const databaseUrl = values.learningDatabaseUrl ?? values.databaseUrl;
  problems.push(...findDatabaseProblems(values, isProduction));
  const backend = toBackend(values, isProduction, problems);
  const http = toHttp(values, problems);
  const consoleOperators = toConsoleOperators(values, problems);
  const traces = toTraces(values, problems);
  if (problems.length > 0) throw new EnvironmentError(problems);
  const dataDir = resolve(values.dataDir ?? ".leasehold");
  return {
    databaseUrl,
    adminDatabaseUrl: values.adminDatabaseUrl,
    schema: values.schema ?? "leasehold",
    dataDir,
    migrates: databaseUrl === undefined || values.migrate === "auto",
    backend,
    feedbackFallbacks: values.feedbackFallbacks,
    recallsAnswers: values.recallsAnswers === "on",
    storageRoot: resolve(values.storageRoot ?? join(dataDir, "uploads")),
    worker: {
      concurrency: values.concurrency ?? 1,
      leaseSeconds: values.leaseSeconds ?? 60,
      pollSeconds: values.pollSeconds ?? 1,
      graceSeconds: values.graceSeconds ?? 25,
      abandonedMax: values.abandonedMax ?? 3,
    },
    queueLagSeconds: values.queueLag ?? 900,
    schedules: values.scheduler !== "off",
    http,
    consoleOperators,
    traces,
    log: { level: values.logLevel ?? "info", format: values.logFormat ?? "auto" },
    warnings: [
      ...Object.entries(replaced)
        .filter(([name]) => environment[name] !== undefined)
        .map(([name, instead]) => `${name} is not read: ${instead}.`),
      ...findEmptyOverrides(environment).map(
        (name) =>
          `${name} is set and empty: an Ollama that is started with it finds no AMD GPU. Unset it.`,
      ),
    ],
  };
}

/** The driver reads these also when they are empty, and then knows no GPU at all. */
function findEmptyOverrides(environment: Environment): readonly string[] {
  return Object.keys(environment).filter(
    (name) => /^HSA_OVERRIDE_GFX_VERSION(_\d+)?$/.test(name) && environment[name]?.trim() === "",
  );
}

/** The process's environment over what `.env` in the working directory says. */
export function loadEnvironment(): Environment {
  const file = existsSync(".env") ? parseEnv(readFileSync(".env", "utf8")) : {};
  return { ...file, ...process.env };
}

function readValues(environment: Environment, problems: string[]): EnvironmentValues {
  const read = <Key extends keyof EnvironmentValues>(key: Key): EnvironmentValues[Key] => {
    const setting = settings[key];
    try {
      return setting.read(readText(environment, setting));
    } catch (error) {
      const expected = error instanceof Error ? error.message : "cannot be read";
      const given = setting.isSecret ? "" : `, got ${quote(environment[setting.name])}`;
      problems.push(`${setting.name} ${expected}${given}`);
      return setting.read(undefined);
    }
  };
  return {
    learningDatabaseUrl: read("learningDatabaseUrl"),
    databaseUrl: read("databaseUrl"),
    adminDatabaseUrl: read("adminDatabaseUrl"),
    schema: read("schema"),
    dataDir: read("dataDir"),
    migrate: read("migrate"),
    backend: read("backend"),
    visionModel: read("visionModel"),
    feedbackModel: read("feedbackModel"),
    ollamaBaseUrl: read("ollamaBaseUrl"),
    expectGpu: read("expectGpu"),
    openAiBaseUrl: read("openAiBaseUrl"),
    openAiApiKey: read("openAiApiKey"),
    allowOrigins: read("allowOrigins"),
    visionTimeout: read("visionTimeout"),
    feedbackTimeout: read("feedbackTimeout"),
    feedbackFallbacks: read("feedbackFallbacks"),
    recallsAnswers: read("recallsAnswers"),
    storageRoot: read("storageRoot"),
    concurrency: read("concurrency"),
    leaseSeconds: read("leaseSeconds"),
    pollSeconds: read("pollSeconds"),
    graceSeconds: read("graceSeconds"),
    abandonedMax: read("abandonedMax"),
    queueLag: read("queueLag"),
    scheduler: read("scheduler"),
    httpHost: read("httpHost"),
    httpPort: read("httpPort"),
    operatorToken: read("operatorToken"),
    consoleTokens: read("consoleTokens"),
    otlpEndpoint: read("otlpEndpoint"),
    otlpTracesEndpoint: read("otlpTracesEndpoint"),
    otlpHeaders: read("otlpHeaders"),
    otlpTimeout: read("otlpTimeout"),
    otelServiceName: read("otelServiceName"),
    otelResourceAttributes: read("otelResourceAttributes"),
    otelSampler: read("otelSampler"),
    otelSamplerArgument: read("otelSamplerArgument"),
    otelTracesExporter: read("otelTracesExporter"),
    otelDisabled: read("otelDisabled"),
    traceParenting: read("traceParenting"),
    logLevel: read("logLevel"),
    logFormat: read("logFormat"),
    stubScript: read("stubScript"),
    stubMarkers: read("stubMarkers"),
    nodeEnv: read("nodeEnv"),
  };
}

function readText(environment: Environment, setting: Setting<unknown>): string | undefined {
  const given = environment[setting.name]?.trim();
  const file = setting.isSecret ? environment[`${setting.name}_FILE`] : undefined;
  if (file === undefined || file === "") return given === "" ? undefined : given;
  if (given !== undefined && given !== "") {
    throw new Error(`and ${setting.name}_FILE are both set: keep one`);
  }
  const text = readSecret(file);
  if (text === undefined) {
    throw new Error(`cannot be read from the file that ${setting.name}_FILE names`);
  }
  if (text === "") throw new Error(`is empty in the file that ${setting.name}_FILE names`);
  return text;
}

function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return undefined;
  }
}

/** Characters of a wrong value that are shown: enough to find it, too few to fill the message. */
const quotedCharactersMax = 40;

function quote(value: string | undefined): string {
  return JSON.stringify(value?.slice(0, quotedCharactersMax));
}

function findDatabaseProblems(
  { learningDatabaseUrl, databaseUrl, adminDatabaseUrl }: EnvironmentValues,
  isProduction: boolean,
): readonly string[] {
  const problems: string[] = [];
  const mustBeUrl = "must be a URL such as postgresql://login@host:5432/database";
  const { name } =
    learningDatabaseUrl === undefined && databaseUrl !== undefined
      ? settings.databaseUrl
      : settings.learningDatabaseUrl;
  const url = learningDatabaseUrl ?? databaseUrl;
  const login = url === undefined ? undefined : findLogin(url);
  if (url === undefined && isProduction) {
    problems.push(`${name} is required with NODE_ENV=production: there is no embedded Postgres`);
  }
  if (url !== undefined && login === undefined) problems.push(`${name} ${mustBeUrl}`);
  if (login !== undefined && refusedLogins.has(login)) {
    problems.push(`${name} names the login ${login}, which can do everything: use gustav_worker`);
  }
  if (adminDatabaseUrl !== undefined && findLogin(adminDatabaseUrl) === undefined) {
    problems.push(`${settings.adminDatabaseUrl.name} ${mustBeUrl}`);
  }
  return problems;
}

/** The login that a database URL names, which may be empty; undefined when it is no such URL. */
function findLogin(url: string): string | undefined {
  // A cluster's URL lists several hosts, which no URL parser knows: the first one stands for all.
  const single = url.replace(/^([a-z]+:\/\/(?:[^/?#]*@)?[^/?#,]*),[^/?#@]*(?=[/?#]|$)/, "$1");
  const parsed = URL.parse(single);
  if (parsed === null || !["postgres:", "postgresql:"].includes(parsed.protocol)) return undefined;
  try {
    return decodeURIComponent(parsed.username);
  } catch {
    return undefined;
  }
}

function toBackend(
  values: EnvironmentValues,
  isProduction: boolean,
  problems: string[],
): BackendConfig {
  const kind = values.backend ?? "stub";
  if (kind === "stub") {
    if (isProduction) {
      problems.push(
        "AI_BACKEND must be local or openai with NODE_ENV=production: the stub invents grades",
      );
    }
    const { stubScript } = values;
    if (stubScript !== undefined) {
      problems.push(...refusals(settings.stubScript.name, () => parseStubScript(stubScript)));
    }
    return { kind, script: stubScript, markers: values.stubMarkers === "on" };
  }
  for (const name of ["visionModel", "feedbackModel"] as const) {
    if (values[name] === undefined) {
      problems.push(`${settings[name].name} is required with AI_BACKEND=${kind}`);
    }
  }
  const models = toModels(values);
  if (kind === "local") {
    const { ollamaBaseUrl: given, allowOrigins } = values;
    const baseUrl = given.length === 0 ? ["http://127.0.0.1:11434"] : given;
    const check = (url: string) => () => parseOllamaBaseUrl(url, allowOrigins);
    const { name } = settings.ollamaBaseUrl;
    problems.push(...baseUrl.flatMap((url) => refusals(name, check(url))));
    return { kind, baseUrl, gpuExpected: values.expectGpu === "on", ...models };
  }
  const { openAiBaseUrl, openAiApiKey } = values;
  const { name } = settings.openAiBaseUrl;
  problems.push(
    ...(openAiBaseUrl === undefined
      ? [`${name} is required with AI_BACKEND=openai`]
      : refusals(name, () => parseOpenAiBaseUrl(openAiBaseUrl, values.allowOrigins))),
  );
  return { kind, baseUrl: openAiBaseUrl ?? "", apiKey: openAiApiKey, ...models };
}

function toModels(values: EnvironmentValues): ModelsConfig {
  return {
    visionModel: values.visionModel ?? "",
    feedbackModel: values.feedbackModel ?? "",
    visionTimeoutSeconds: values.visionTimeout ?? 300,
    feedbackTimeoutSeconds: values.feedbackTimeout ?? 300,
    allowOrigins: values.allowOrigins,
  };
}

function toHttp(values: EnvironmentValues, problems: string[]): HttpConfig {
  const host = values.httpHost ?? "127.0.0.1";
  const operatorTokens = values.operatorToken;
  const isOff = values.httpPort === "off";
  const port = isOff ? undefined : Number(values.httpPort ?? portDefault);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    problems.push(
      `LEASEHOLD_HTTP_PORT must be off or a whole number from 0 to 65535, got ${quote(values.httpPort)}`,
    );
  }
  if (operatorTokens.length > 0) {
    problems.push(...refusals(settings.operatorToken.name, () => bearerTokens(operatorTokens)));
  } else if (!isOff && !isLoopback(host)) {
    problems.push(
      `LEASEHOLD_OPERATOR_TOKEN is required with LEASEHOLD_HTTP_HOST=${host}: others can reach it`,
    );
  }
  return { host, port, isDefaultPort: values.httpPort === undefined, operatorTokens };
}

/** What a package says against a value that it will be given. Their messages quote no secret. */
function refusals(name: string, check: () => unknown): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [`${name}: ${error instanceof Error ? error.message : "refused"}`];
  }
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
