import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";

import { type Environment, parseEnvironment, type WorkerConfig } from "../src/config.ts";
import { settings } from "../src/settings.ts";
import { local, problemsOf, production } from "./support/environments.ts";

const traced: Environment = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

describe("without a variable", () => {
  test("everything has its documented default", () => {
    const config = parseEnvironment({});

    expect(config).toEqual({
      databaseUrl: undefined,
      adminDatabaseUrl: undefined,
      schema: "leasehold",
      dataDir: resolve(".leasehold"),
      migrates: true,
      backend: { kind: "stub", script: undefined, markers: false },
      storageRoot: resolve(".leasehold/uploads"),
      worker: {
        concurrency: 1,
        leaseSeconds: 60,
        pollSeconds: 1,
        graceSeconds: 25,
        abandonedMax: 3,
      },
      queueLagSeconds: 900,
      feedbackFallbacks: undefined,
      recallsAnswers: false,
      schedules: true,
      consoleOperators: [],
      http: { host: "127.0.0.1", port: 8787, isDefaultPort: true, operatorTokens: [] },
      traces: undefined,
      log: { level: "info", format: "auto" },
      warnings: [],
    });
  });

  test("an empty value is none", () => {
    const empty = Object.fromEntries(Object.values(settings).map(({ name }) => [name, " "]));

    expect(parseEnvironment(empty)).toEqual(parseEnvironment({}));
  });
});

type Case = readonly [
  variables: Environment,
  read: (config: WorkerConfig) => unknown,
  expected: unknown,
];

const cases: readonly Case[] = [
  [{ LEARNING_DATABASE_URL: "postgres://a@h/d" }, (c) => c.databaseUrl, "postgres://a@h/d"],
  [{ DATABASE_URL: "postgresql://a@h/d" }, (c) => c.databaseUrl, "postgresql://a@h/d"],
  [
    { LEARNING_DATABASE_URL: "postgres://a@h/d", DATABASE_URL: "postgres://b@h/d" },
    (c) => c.databaseUrl,
    "postgres://a@h/d",
  ],
  [
    { LEASEHOLD_ADMIN_DATABASE_URL: "postgres://postgres@h/d" },
    (c) => c.adminDatabaseUrl,
    "postgres://postgres@h/d",
  ],
  [{ LEASEHOLD_SCHEMA: "queue" }, (c) => c.schema, "queue"],
  [
    { LEASEHOLD_DATA_DIR: "/srv/a" },
    (c) => [c.dataDir, c.storageRoot],
    ["/srv/a", "/srv/a/uploads"],
  ],
  [{ DATABASE_URL: "postgres://a@h/d" }, (c) => c.migrates, false],
  [{ DATABASE_URL: "postgres://a@h/d", LEASEHOLD_MIGRATE: "auto" }, (c) => c.migrates, true],
  [{ DATABASE_URL: "postgres://a@h/d", LEASEHOLD_MIGRATE: "off" }, (c) => c.migrates, false],
  [{ AI_BACKEND: "stub" }, (c) => c.backend.kind, "stub"],
  [
    local,
    (c) => c.backend,
    {
      kind: "local",
      baseUrl: ["http://127.0.0.1:11434"],
      gpuExpected: false,
      visionModel: "page-reader:2b",
      feedbackModel: "judge:8b",
      visionTimeoutSeconds: 300,
      feedbackTimeoutSeconds: 300,
      allowOrigins: [],
    },
  ],
  [
    {
      ...local,
      OLLAMA_BASE_URL: "https://ollama.example.org, http://gpu-2:11434",
      LEASEHOLD_EXPECT_GPU: "on",
      LEASEHOLD_ALLOW_ORIGINS: "https://other.example.org, https://ollama.example.org",
      AI_TIMEOUT_VISION: "600",
      AI_TIMEOUT_FEEDBACK: "30.5",
    },
    (c) => c.backend,
    {
      kind: "local",
      baseUrl: ["https://ollama.example.org", "http://gpu-2:11434"],
      gpuExpected: true,
      visionModel: "page-reader:2b",
      feedbackModel: "judge:8b",
      visionTimeoutSeconds: 600,
      feedbackTimeoutSeconds: 30.5,
      allowOrigins: ["https://other.example.org", "https://ollama.example.org"],
    },
  ],
  [
    {
      ...local,
      AI_BACKEND: "openai",
      OPENAI_BASE_URL: "http://vllm:8000/v1",
      OPENAI_API_KEY: "sk-canary",
    },
    (c) => c.backend,
    {
      kind: "openai",
      baseUrl: "http://vllm:8000/v1",
      apiKey: "sk-canary",
      visionModel: "page-reader:2b",
      feedbackModel: "judge:8b",
      visionTimeoutSeconds: 300,
      feedbackTimeoutSeconds: 300,
      allowOrigins: [],
    },
  ],
  [{}, (c) => c.feedbackFallbacks, undefined],
  [{ LEASEHOLD_RECALL_ANSWERS: "on" }, (c) => c.recallsAnswers, true],
  [{ LEASEHOLD_FEEDBACK_FALLBACKS: "none" }, (c) => c.feedbackFallbacks, []],
  [
    { LEASEHOLD_FEEDBACK_FALLBACKS: "one_shot, degraded" },
    (c) => c.feedbackFallbacks,
    ["one_shot", "degraded"],
  ],
  [{ STORAGE_VERIFY_ROOT: "/srv/files" }, (c) => c.storageRoot, "/srv/files"],
  [{ WORKER_CONCURRENCY: "8" }, (c) => c.worker.concurrency, 8],
  [{ WORKER_LEASE_SECONDS: "90" }, (c) => c.worker.leaseSeconds, 90],
  [{ WORKER_POLL_INTERVAL: "0.5" }, (c) => c.worker.pollSeconds, 0.5],
  [{ WORKER_GRACE_SECONDS: "0" }, (c) => c.worker.graceSeconds, 0],
  [{ WORKER_ABANDONED_MAX: "0" }, (c) => c.worker.abandonedMax, 0],
  [{ LEASEHOLD_QUEUE_LAG: "3600" }, (c) => c.queueLagSeconds, 3_600],
  [{ LEASEHOLD_SCHEDULER: "off" }, (c) => c.schedules, false],
  [
    { LEASEHOLD_CONSOLE_TOKENS: "ada:token-of-ada-0000001" },
    (c) => c.consoleOperators.map(({ name }) => name),
    ["ada"],
  ],
  [{ LEASEHOLD_HTTP_PORT: "off" }, (c) => [c.http.port, c.http.isDefaultPort], [undefined, false]],
  [{ LEASEHOLD_HTTP_PORT: "8787" }, (c) => [c.http.port, c.http.isDefaultPort], [8787, false]],
  [{ LEASEHOLD_HTTP_HOST: "::1" }, (c) => c.http.host, "::1"],
  [
    { LEASEHOLD_OPERATOR_TOKEN: "first-token-012345,\nsecond-token-01234" },
    (c) => c.http.operatorTokens,
    ["first-token-012345", "second-token-01234"],
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/" },
    (c) => c.traces,
    {
      to: {
        url: "http://collector:4318/v1/traces",
        headers: {},
        resource: {},
        sampleRatio: 1,
      },
      serviceName: "learning-worker",
      parenting: "link",
    },
  ],
  [
    {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "https://collector/traces",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20canary, x-team=a",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_SERVICE_NAME: "marker",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=school",
      OTEL_TRACES_SAMPLER: "parentbased_traceidratio",
      OTEL_TRACES_SAMPLER_ARG: "0.25",
      LEASEHOLD_TRACE_PARENTING: "parent",
    },
    (c) => c.traces,
    {
      to: {
        url: "https://collector/traces",
        headers: { authorization: "Bearer canary", "x-team": "a" },
        resource: { "deployment.environment.name": "school" },
        sampleRatio: 0.25,
        timeoutMs: 500,
      },
      serviceName: "marker",
      parenting: "parent",
    },
  ],
  [{ ...traced, OTEL_TRACES_SAMPLER: "always_off" }, (c) => c.traces?.to.sampleRatio, 0],
  [{ ...traced, OTEL_TRACES_EXPORTER: "none" }, (c) => c.traces, undefined],
  [{ ...traced, OTEL_SDK_DISABLED: "true" }, (c) => c.traces, undefined],
  [{ LOG_LEVEL: "debug" }, (c) => c.log.level, "debug"],
  [{ LEASEHOLD_LOG_FORMAT: "json" }, (c) => c.log.format, "json"],
  [
    { LEASEHOLD_STUB_SCRIPT: "outage 2", LEASEHOLD_STUB_MARKERS: "on" },
    (c) => c.backend,
    { kind: "stub", script: "outage 2", markers: true },
  ],
  [production, (c) => c.backend.kind, "local"],
];

test.each(cases.map((each): readonly [string, Case] => [JSON.stringify(each[0]), each]))(
  "%s is understood",
  (_, [variables, read, expected]) => {
    expect(read(parseEnvironment(variables))).toEqual(expected);
  },
);

test("the cases above leave no variable out", () => {
  const tried = new Set(cases.flatMap(([variables]) => Object.keys(variables)));

  expect(
    Object.values(settings)
      .map(({ name }) => name)
      .filter((name) => !tried.has(name)),
  ).toEqual([]);
});

describe("a wrong value", () => {
  const wrong: Environment = {
    LEARNING_DATABASE_URL: "mysql://canary@host/database",
    LEASEHOLD_ADMIN_DATABASE_URL: "canary",
    LEASEHOLD_MIGRATE: "yes",
    AI_BACKEND: "cloud",
    AI_TIMEOUT_VISION: "0",
    AI_TIMEOUT_FEEDBACK: "soon",
    WORKER_CONCURRENCY: "1.5",
    WORKER_LEASE_SECONDS: "-1",
    WORKER_POLL_INTERVAL: "Infinity",
    WORKER_GRACE_SECONDS: "NaN",
    LEASEHOLD_HTTP_PORT: "65536",
    LEASEHOLD_OPERATOR_TOKEN: "canary",
    LOG_LEVEL: "x".repeat(10_000),
    LEASEHOLD_LOG_FORMAT: "xml",
    LEASEHOLD_STUB_SCRIPT: "explode",
    LEASEHOLD_STUB_MARKERS: "yes",
  };

  test("is reported together with all others, each with what was expected", () => {
    const problems = problemsOf(wrong);

    const names = problems.map((problem) => problem.split(/[ :]/, 1).join());
    expect(names.toSorted()).toEqual(Object.keys(wrong).toSorted());
    expect(problems).toContain('AI_BACKEND must be stub or local or openai, got "cloud"');
    expect(problems).toContain(
      'WORKER_CONCURRENCY must be a whole number from 1 to 500, got "1.5"',
    );
    expect(problems).toContain(
      'WORKER_POLL_INTERVAL must be a number from 0.05 to 3600, got "Infinity"',
    );
    expect(problems).toContain(
      'LEASEHOLD_HTTP_PORT must be off or a whole number from 0 to 65535, got "65536"',
    );
    expect(problems).toContain(
      "LEASEHOLD_OPERATOR_TOKEN: Bearer tokens refused: token 0 is shorter than 16 characters.",
    );
  });

  test("of a secret is not quoted, and a long one is cut", () => {
    const problems = problemsOf(wrong);

    expect(problems.join("\n")).not.toContain("canary");
    expect(Math.max(...problems.map(({ length }) => length))).toBeLessThan(400);
  });
});

test.each([["mysql://host/database"], ["host:5432"], ["postgresql://%zz@host/database"]])(
  "the database %s is refused, under the name it was given by",
  (url) => {
    const mustBeUrl = "must be a URL such as postgresql://login@host:5432/database";

    expect(problemsOf({ LEARNING_DATABASE_URL: url })).toEqual([
      `LEARNING_DATABASE_URL ${mustBeUrl}`,
    ]);
    expect(problemsOf({ DATABASE_URL: url })).toEqual([`DATABASE_URL ${mustBeUrl}`]);
  },
);

test.each([
  ["postgresql://worker@one:5432,two:5433/learning"],
  ["postgres://leasehold@%2Ftmp%2Fleasehold-1%2Fs,%3A:5432/leasehold"],
  ["postgresql://worker:pass,word@host/learning?sslmode=require"],
  ["postgresql:///learning?host=/run/postgresql"],
])("the database %s is taken as it is", (url) => {
  expect(parseEnvironment({ DATABASE_URL: url }).databaseUrl).toBe(url);
});

test.each([["postgres"], ["service_role"], ["supabase_admin"], ["%70ostgres"]])(
  "the login %s is refused by its name, but for an administrator's own URL",
  (login) => {
    const url = `postgresql://${login}:canary@one,two/learning`;

    const [problem = "", ...others] = problemsOf({ DATABASE_URL: url });

    expect(problem).toStartWith(`DATABASE_URL names the login ${decodeURIComponent(login)}, which`);
    expect(others).toEqual([]);
    expect(problem).not.toContain("canary");
    expect(parseEnvironment({ LEASEHOLD_ADMIN_DATABASE_URL: url }).adminDatabaseUrl).toBe(url);
  },
);

describe("the address of health and metrics", () => {
  test.each([["127.0.0.1"], ["127.8.8.8"], ["::1"], ["localhost"]])(
    "%s needs no token: only this machine can reach it",
    (host) => {
      const { http } = parseEnvironment({ LEASEHOLD_HTTP_HOST: host });

      expect(http).toMatchObject({ host, operatorTokens: [] });
    },
  );

  test.each([["0.0.0.0"], ["::"], ["10.0.0.7"], ["127.0.0.1.example.org"], ["worker"]])(
    "%s needs a token: others can reach it",
    (host) => {
      expect(problemsOf({ LEASEHOLD_HTTP_HOST: host })).toEqual([
        `LEASEHOLD_OPERATOR_TOKEN is required with LEASEHOLD_HTTP_HOST=${host}: others can reach it`,
      ]);
      const variables = { LEASEHOLD_HTTP_HOST: host, LEASEHOLD_OPERATOR_TOKEN: "0123456789abcdef" };
      expect(parseEnvironment(variables).http.host).toBe(host);
    },
  );

  test("needs no token when nothing is served", () => {
    const variables = { LEASEHOLD_HTTP_HOST: "0.0.0.0", LEASEHOLD_HTTP_PORT: "off" };

    expect(parseEnvironment(variables).http.port).toBeUndefined();
  });
});

test("what the runbook sets in vain is warned of, with what to do instead", () => {
  const { warnings } = parseEnvironment({
    WORKER_MAX_RETRIES: "3",
    WORKER_BACKOFF_SECONDS: "10",
    WORKER_LEASE_MULTIPLIER: "2",
  });

  expect(warnings).toEqual([
    "WORKER_MAX_RETRIES is not read: set retries_max with leasehold.register_type.",
    "WORKER_BACKOFF_SECONDS is not read: set backoff_base_ms with leasehold.register_type.",
    "WORKER_LEASE_MULTIPLIER is not read: set WORKER_LEASE_SECONDS; leases are renewed.",
  ]);
});

test("an override that is set and empty is warned of: it switches every GPU off", () => {
  const { warnings } = parseEnvironment({
    HSA_OVERRIDE_GFX_VERSION: "",
    HSA_OVERRIDE_GFX_VERSION_1: " ",
    HSA_OVERRIDE_GFX_VERSION_2: "10.3.0",
  });

  expect(warnings.map((warning) => warning.split(" ", 1)[0])).toEqual([
    "HSA_OVERRIDE_GFX_VERSION",
    "HSA_OVERRIDE_GFX_VERSION_1",
  ]);
});
