import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EnvironmentError, parseEnvironment } from "../src/config.ts";
import { settings } from "../src/settings.ts";

interface SecretFile extends AsyncDisposable {
  readonly path: string;
}

async function setup(text: string): Promise<SecretFile> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-secret-"));
  const path = join(folder, "secret");
  await writeFile(path, text);
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    parseEnvironment(environment);
    return [];
  } catch (error) {
    if (error instanceof EnvironmentError) return error.problems;
    throw error;
  }
}

/** The backend that has a secret. */
const openai = {
  AI_BACKEND: "openai",
  AI_VISION_MODEL: "page-reader",
  AI_FEEDBACK_MODEL: "judge",
  OPENAI_BASE_URL: "http://vllm:8000/v1",
};

/** Only who sends traces has headers for them. */
const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

const secretNames = Object.values(settings)
  .filter(({ isSecret }) => isSecret)
  .map(({ name }) => [name] as const);

test("the secrets are what opens a door", () => {
  expect(secretNames.flat()).toEqual([
    "LEARNING_DATABASE_URL",
    "DATABASE_URL",
    "LEASEHOLD_ADMIN_DATABASE_URL",
    "OPENAI_API_KEY",
    "LEASEHOLD_OPERATOR_TOKEN",
    "LEASEHOLD_CONSOLE_TOKENS",
    "OTEL_EXPORTER_OTLP_HEADERS",
  ]);
});

test.each(secretNames)(
  "%s can come from a file, whose last line break is not part of it",
  async (name) => {
    // Every kind of secret is understood in this one.
    const secret = "postgresql://worker:canary@host/learning?a=b";
    await using file = await setup(`${secret}\n`);

    const config = parseEnvironment({ ...openai, ...traced, [`${name}_FILE`]: file.path });

    const { databaseUrl, adminDatabaseUrl, http, consoleOperators, backend, traces } = config;
    const key = backend.kind === "openai" ? backend.apiKey : undefined;
    const headers = Object.entries(traces?.to.headers ?? {}).map((pair) => pair.join("="));
    const pairs = consoleOperators.map((operator) => `${operator.name}:${operator.token}`);
    const tokens = [...http.operatorTokens, ...pairs];
    const found = [databaseUrl, adminDatabaseUrl, key, ...tokens, ...headers];
    expect(found).toContain(secret);
  },
);

test.each(secretNames)(
  "%s is refused when it is set twice, or its file holds nothing",
  async (name) => {
    await using file = await setup("postgresql://canary@host/learning");
    await using empty = await setup(" \n");

    const twice = problemsOf({ [name]: "postgresql://canary@host", [`${name}_FILE`]: file.path });
    const missing = problemsOf({ [`${name}_FILE`]: join(file.path, "nothing") });
    const nothing = problemsOf({ [`${name}_FILE`]: empty.path });

    expect(twice).toEqual([`${name} and ${name}_FILE are both set: keep one`]);
    expect(missing).toEqual([`${name} cannot be read from the file that ${name}_FILE names`]);
    expect(nothing).toEqual([`${name} is empty in the file that ${name}_FILE names`]);
  },
);
