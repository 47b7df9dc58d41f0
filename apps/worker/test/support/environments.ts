import { expect } from "bun:test";

import { type Environment, EnvironmentError, parseEnvironment } from "../../src/config.ts";

/** What the worker says of an environment that it refuses. */
export function problemsOf(environment: Environment): readonly string[] {
  try {
    parseEnvironment(environment);
  } catch (error) {
    if (!(error instanceof EnvironmentError)) throw error;
    expect([error.code, error.scope]).toEqual(["config_invalid", "config"]);
    return error.problems;
  }
  throw new Error("The environment was accepted.");
}

/** With models of Ollama. */
export const local: Environment = {
  AI_BACKEND: "local",
  AI_VISION_MODEL: "page-reader:2b",
  AI_FEEDBACK_MODEL: "judge:8b",
};
/** What a worker of the runbook is told in production. */
export const production: Environment = {
  ...local,
  NODE_ENV: "production",
  LEARNING_DATABASE_URL: "postgresql://gustav_worker:canary@db:5432/learning",
};
