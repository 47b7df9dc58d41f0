import type { FeedbackFallback } from "@leasehold/learning";

import { choice, list, number, type Setting, some, text } from "./setting-kinds.ts";

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;
/** OpenTelemetry's words. Each of them follows a parent's decision here. */
export type TraceSampler = (typeof samplers)[number];

/** What the environment says, read but not yet understood. Undefined: not set. */
export interface EnvironmentValues {
  readonly learningDatabaseUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly adminDatabaseUrl: string | undefined;
  readonly schema: string | undefined;
  readonly dataDir: string | undefined;
  readonly migrate: "auto" | "off" | undefined;
  readonly backend: "stub" | "local" | "openai" | undefined;
  readonly visionModel: string | undefined;
  readonly feedbackModel: string | undefined;
  readonly ollamaBaseUrl: readonly string[];
  readonly expectGpu: "on" | "off" | undefined;
  readonly openAiBaseUrl: string | undefined;
  readonly openAiApiKey: string | undefined;
  readonly allowOrigins: readonly string[];
  readonly visionTimeout: number | undefined;
  readonly feedbackTimeout: number | undefined;
  readonly feedbackFallbacks: readonly FeedbackFallback[] | undefined;
  readonly recallsAnswers: "on" | "off" | undefined;
  readonly storageRoot: string | undefined;
  readonly concurrency: number | undefined;
  readonly leaseSeconds: number | undefined;
  readonly pollSeconds: number | undefined;
  readonly graceSeconds: number | undefined;
  readonly abandonedMax: number | undefined;
  readonly queueLag: number | undefined;
  readonly scheduler: "on" | "off" | undefined;
  readonly httpHost: string | undefined;
  readonly httpPort: string | undefined;
  readonly operatorToken: readonly string[];
  readonly consoleTokens: readonly string[];
  readonly otlpEndpoint: string | undefined;
  readonly otlpTracesEndpoint: string | undefined;
  readonly otlpHeaders: readonly string[];
  readonly otlpTimeout: number | undefined;
  readonly otelServiceName: string | undefined;
  readonly otelResourceAttributes: readonly string[];
  readonly otelSampler: TraceSampler | undefined;
  readonly otelSamplerArgument: number | undefined;
  readonly otelTracesExporter: "otlp" | "none" | undefined;
  readonly otelDisabled: "true" | "false" | undefined;
  readonly traceParenting: "link" | "parent" | undefined;
  readonly logLevel: "debug" | "info" | "warn" | "error" | undefined;
  readonly logFormat: "auto" | "json" | "pretty" | undefined;
  readonly stubScript: string | undefined;
  readonly stubMarkers: "on" | "off" | undefined;
  readonly nodeEnv: string | undefined;
}

/** Every variable that is read, in the order of the documentation. */
export const settings: {
  readonly [Key in keyof EnvironmentValues]: Setting<EnvironmentValues[Key]>;
} = {
  learningDatabaseUrl: text({
    name: "LEARNING_DATABASE_URL",
    fallback: "`DATABASE_URL`",
    meaning: "Postgres of the worker, as an ordinary login.",
    isSecret: true,
  }),
  databaseUrl: text({
    name: "DATABASE_URL",
    fallback: "the embedded Postgres",
    meaning:
      "Postgres, when `LEARNING_DATABASE_URL` is not set. Required with `NODE_ENV=production`.",
    isSecret: true,
  }),
  adminDatabaseUrl: text({
    name: "LEASEHOLD_ADMIN_DATABASE_URL",
    fallback: "the worker's own",
    meaning:
      "The same Postgres as an administrator, for `migrate`, `redact` and `db --admin` alone.",
    isSecret: true,
  }),
  schema: text({
    name: "LEASEHOLD_SCHEMA",
    fallback: "`leasehold`",
    meaning: "Schema of the queue.",
  }),
  dataDir: text({
    name: "LEASEHOLD_DATA_DIR",
    fallback: "`.leasehold`",
    meaning: "Folder of the embedded Postgres, the uploads and the operator's token.",
  }),
  migrate: choice(
    {
      name: "LEASEHOLD_MIGRATE",
      fallback: "`off`; the embedded Postgres migrates by itself",
      meaning: "`auto` migrates your database at start.",
    },
    ["auto", "off"],
  ),
  backend: choice(
    {
      name: "AI_BACKEND",
      fallback: "`stub`; refused with `NODE_ENV=production`",
      meaning:
        "`stub` invents answers and says so, `local` asks Ollama, `openai` a server that speaks chat completions.",
    },
    ["stub", "local", "openai"],
  ),
  visionModel: text({
    name: "AI_VISION_MODEL",
    fallback: "required but with the stub",
    meaning: "Model that reads pages, as `ollama list` or `GET /v1/models` shows it.",
  }),
  feedbackModel: text({
    name: "AI_FEEDBACK_MODEL",
    fallback: "required but with the stub",
    meaning: "Model that assesses texts.",
  }),
  ollamaBaseUrl: list({
    name: "OLLAMA_BASE_URL",
    fallback: "`http://127.0.0.1:11434`",
    meaning:
      "Where Ollama listens: loopback, a private address or a service name; several servers are parted by commas.",
  }),
  expectGpu: choice(
    {
      name: "LEASEHOLD_EXPECT_GPU",
      fallback: "`off`",
      meaning: "`on` lets `doctor` fail when a loaded model does not lie on a GPU.",
    },
    ["on", "off"],
  ),
  openAiBaseUrl: text({
    name: "OPENAI_BASE_URL",
    fallback: "required with `AI_BACKEND=openai`",
    meaning:
      "Where chat completions are served, such as `http://vllm:8000/v1`: loopback, a private address or a service name.",
  }),
  openAiApiKey: text({
    name: "OPENAI_API_KEY",
    fallback: "none",
    meaning: "Key for that server, if it wants one. Nothing else of OpenAI's variables is read.",
    isSecret: true,
  }),
  allowOrigins: list({
    name: "LEASEHOLD_ALLOW_ORIGINS",
    fallback: "none",
    meaning: "Origins outside the private network that learners' work may go to, parted by commas.",
  }),
  visionTimeout: number(
    {
      name: "AI_TIMEOUT_VISION",
      fallback: "`300`",
      meaning: "Seconds of one model call of `vision`, loading the model excluded.",
    },
    { min: 1, max: 3_600 },
  ),
  feedbackTimeout: number(
    {
      name: "AI_TIMEOUT_FEEDBACK",
      fallback: "`300`",
      meaning: "Seconds of one model call of `feedback`, loading the model excluded.",
    },
    { min: 1, max: 3_600 },
  ),
  feedbackFallbacks: some(
    {
      name: "LEASEHOLD_FEEDBACK_FALLBACKS",
      fallback: "`one_shot,degraded`",
      meaning:
        "What is tried when no answer to the feedback program holds: one plain question, then a result without scores that says so. Without `degraded` such a submission is tried again and fails; `none` is neither.",
    },
    ["one_shot", "degraded"],
  ),
  recallsAnswers: choice(
    {
      name: "LEASEHOLD_RECALL_ANSWERS",
      fallback: "`off`",
      meaning:
        "`on` gives the result of an earlier job for the very same question instead of asking the model again.",
    },
    ["on", "off"],
  ),
  storageRoot: text({
    name: "STORAGE_VERIFY_ROOT",
    fallback: "`uploads` in the data folder",
    meaning: "Folder that storage keys are resolved under.",
  }),
  concurrency: number(
    {
      name: "WORKER_CONCURRENCY",
      fallback: "`1`",
      meaning: "Jobs at once in this process.",
    },
    { min: 1, max: 500, isWhole: true },
  ),
  leaseSeconds: number(
    {
      name: "WORKER_LEASE_SECONDS",
      fallback: "`60`",
      meaning: "Length of a lease; it is renewed every third of it.",
    },
    { min: 1, max: 3_600 },
  ),
  pollSeconds: number(
    {
      name: "WORKER_POLL_INTERVAL",
      fallback: "`1`",
      meaning: "Seconds between two looks at an empty queue; grows to five times that.",
    },
    { min: 0.05, max: 3_600 },
  ),
  graceSeconds: number(
    {
      name: "WORKER_GRACE_SECONDS",
      fallback: "`25`",
      meaning: "Seconds that running jobs may take to finish when the worker is told to stop.",
    },
    { min: 0, max: 3_600 },
  ),
  abandonedMax: number(
    {
      name: "WORKER_ABANDONED_MAX",
      fallback: "`3`",
      meaning:
        "Model calls that may ignore their abort before the worker ends with exit code 75, to be started afresh; `0` is never.",
    },
    { min: 0, max: 1_000, isWhole: true },
  ),
  queueLag: number(
    {
      name: "LEASEHOLD_QUEUE_LAG",
      fallback: "`900`",
      meaning: "Seconds that a job may be due before health calls the queue slow.",
    },
    { min: 1, max: 604_800 },
  ),
  scheduler: choice(
    {
      name: "LEASEHOLD_SCHEDULER",
      fallback: "`on`",
      meaning: "`off` leaves it to other workers to enqueue the jobs of schedules.",
    },
    ["on", "off"],
  ),
  httpHost: text({
    name: "LEASEHOLD_HTTP_HOST",
    fallback: "`127.0.0.1`",
    meaning: "Address of health and metrics. One that is not loopback needs an operator's token.",
  }),
  httpPort: text({
    name: "LEASEHOLD_HTTP_PORT",
    fallback: "`8787`, or the next free one",
    meaning: "Port of health and metrics; `off` serves none.",
  }),
  operatorToken: list({
    name: "LEASEHOLD_OPERATOR_TOKEN",
    fallback: "made and kept in the data folder",
    meaning: "Bearer tokens that may ask for health and metrics, parted by commas; all are valid.",
    isSecret: true,
  }),
  consoleTokens: list({
    name: "LEASEHOLD_CONSOLE_TOKENS",
    fallback: "your user name, with the token in the data folder if that was made",
    meaning:
      "Who may see and steer jobs at `/console`: `name:token`, or with roles `name:read+act+reveal:token`, parted by commas. Without anybody there is no page.",
    isSecret: true,
  }),
  otlpEndpoint: text({
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    fallback: "none: no traces are sent",
    meaning: "OpenTelemetry collector that traces go to, over HTTP as JSON; `/v1/traces` is added.",
  }),
  otlpTracesEndpoint: text({
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    fallback: "`OTEL_EXPORTER_OTLP_ENDPOINT`",
    meaning: "The same as a whole address.",
  }),
  otlpHeaders: list({
    name: "OTEL_EXPORTER_OTLP_HEADERS",
    fallback: "none",
    meaning: "Headers for the collector, `name=value` parted by commas.",
    isSecret: true,
  }),
  otlpTimeout: number(
    {
      name: "OTEL_EXPORTER_OTLP_TIMEOUT",
      fallback: "`10000`",
      meaning: "Milliseconds of one export. Nothing waits for it.",
    },
    { min: 1, max: 60_000 },
  ),
  otelServiceName: text({
    name: "OTEL_SERVICE_NAME",
    fallback: "`learning-worker`",
    meaning: "What traces call this worker.",
  }),
  otelResourceAttributes: list({
    name: "OTEL_RESOURCE_ATTRIBUTES",
    fallback: "none",
    meaning: "What else traces say of it, `name=value` parted by commas.",
  }),
  otelSampler: choice(
    {
      name: "OTEL_TRACES_SAMPLER",
      fallback: "`parentbased_always_on`",
      meaning: "Which traces are kept. Every sampler follows the decision of a parent here.",
    },
    samplers,
  ),
  otelSamplerArgument: number(
    {
      name: "OTEL_TRACES_SAMPLER_ARG",
      fallback: "`1`",
      meaning: "The part of them, for `traceidratio` and `parentbased_traceidratio`.",
    },
    { min: 0, max: 1 },
  ),
  otelTracesExporter: choice(
    {
      name: "OTEL_TRACES_EXPORTER",
      fallback: "`otlp`, where there is an endpoint",
      meaning: "`none` sends no traces.",
    },
    ["otlp", "none"],
  ),
  otelDisabled: choice(
    { name: "OTEL_SDK_DISABLED", fallback: "`false`", meaning: "`true` sends no traces." },
    ["true", "false"],
  ),
  traceParenting: choice(
    {
      name: "LEASEHOLD_TRACE_PARENTING",
      fallback: "`link`",
      meaning:
        "`link` makes each attempt a trace of its own, linked to the one that enqueued its job; `parent` makes it part of that.",
    },
    ["link", "parent"],
  ),
  logLevel: choice(
    { name: "LOG_LEVEL", fallback: "`info`", meaning: "`debug`, `info`, `warn` or `error`." },
    ["debug", "info", "warn", "error"],
  ),
  logFormat: choice(
    {
      name: "LEASEHOLD_LOG_FORMAT",
      fallback: "`auto`",
      meaning: "`pretty`, `json`, or `auto`: pretty on a terminal, JSON lines otherwise.",
    },
    ["auto", "json", "pretty"],
  ),
  stubScript: text({
    name: "LEASEHOLD_STUB_SCRIPT",
    fallback: "none",
    meaning: "What the stub acts out, such as `outage 2`. For rehearsals.",
  }),
  stubMarkers: choice(
    {
      name: "LEASEHOLD_STUB_MARKERS",
      fallback: "`off`",
      meaning: "`on` lets texts steer the stub by `[[stub: …]]`. For rehearsals.",
    },
    ["on", "off"],
  ),
  nodeEnv: text({
    name: "NODE_ENV",
    fallback: "none",
    meaning: "`production` refuses the embedded Postgres and the stub.",
  }),
};
