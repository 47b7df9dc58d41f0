import { describe, expect, test } from "bun:test";

import { parseEnvironment } from "../src/config.ts";
import { local, problemsOf, production } from "./support/environments.ts";

describe("in production", () => {
  test("neither the private Postgres nor the stub will do", () => {
    expect(problemsOf({ NODE_ENV: "production" })).toEqual([
      "LEARNING_DATABASE_URL is required with NODE_ENV=production: there is no embedded Postgres",
      "AI_BACKEND must be local or openai with NODE_ENV=production: the stub invents grades",
    ]);
  });

  test("a database and local models will", () => {
    expect(parseEnvironment(production)).toMatchObject({
      migrates: false,
      backend: { kind: "local" },
    });
  });
});

describe("with local models", () => {
  test("both must be named", () => {
    expect(problemsOf({ AI_BACKEND: "local" })).toEqual([
      "AI_VISION_MODEL is required with AI_BACKEND=local",
      "AI_FEEDBACK_MODEL is required with AI_BACKEND=local",
    ]);
  });

  test("the server must be in the private network, or be allowed by name", () => {
    const OLLAMA_BASE_URL = "https://ollama.example.org";

    const [problem] = problemsOf({ ...local, OLLAMA_BASE_URL });

    expect(problem).toStartWith(
      'OLLAMA_BASE_URL: Ollama base URL refused: host "ollama.example.org"',
    );
  });
});

describe("with models behind chat completions", () => {
  const openai = { ...local, AI_BACKEND: "openai", OPENAI_BASE_URL: "http://vllm:8000/v1" };

  test("both must be named, and where they are", () => {
    expect(problemsOf({ AI_BACKEND: "openai" })).toEqual([
      "AI_VISION_MODEL is required with AI_BACKEND=openai",
      "AI_FEEDBACK_MODEL is required with AI_BACKEND=openai",
      "OPENAI_BASE_URL is required with AI_BACKEND=openai",
    ]);
  });

  test("the server must be in the private network, or be allowed by name", () => {
    const [problem] = problemsOf({ ...openai, OPENAI_BASE_URL: "https://models.example.org/v1" });

    expect(problem).toStartWith(
      'OPENAI_BASE_URL: OpenAI base URL refused: host "models.example.org"',
    );
  });

  test("they need no key", () => {
    const { backend } = parseEnvironment(openai);

    expect(backend).toMatchObject({ kind: "openai", apiKey: undefined });
  });

  test("they will do in production", () => {
    const config = parseEnvironment({ ...production, ...openai });

    expect(config.backend.kind).toBe("openai");
  });
});
