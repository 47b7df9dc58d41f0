import { describe, expect, test } from "bun:test";

import * as fc from "fast-check";

import { type Environment, EnvironmentError, parseEnvironment } from "../src/config.ts";
import { settings } from "../src/settings.ts";

/** Found by chance nowhere. */
const anyCanary = fc
  .stringMatching(/^[a-f0-9_.~!*'()@/?#%&=+:,; \t-]{0,30}$/)
  .map((text) => `canary-7f3a${text}`);

/** What each variable may not be. Secrets are wrong in ways of their own. */
const wrong: Readonly<Record<string, fc.Arbitrary<string>>> = {
  LEARNING_DATABASE_URL: anyCanary.map((canary) => `mysql://${canary}`),
  LEASEHOLD_ADMIN_DATABASE_URL: anyCanary,
  LEASEHOLD_OPERATOR_TOKEN: anyCanary.map((canary) => `ä${canary.replaceAll(/[,\s]/g, "")}`),
  LEASEHOLD_MIGRATE: fc.constantFrom("yes", "AUTO", "1"),
  AI_TIMEOUT_VISION: fc.constantFrom("0", "3601", "soon", "NaN", "-1", "Infinity", "0x"),
  AI_TIMEOUT_FEEDBACK: fc.constantFrom("0", "3601", "soon", "NaN", "-1", "Infinity", "1e9"),
  LEASEHOLD_FEEDBACK_FALLBACKS: fc.constantFrom("plain", "one_shot,none", ",", "degraded;one_shot"),
  LEASEHOLD_RECALL_ANSWERS: fc.constantFrom("yes", "true"),
  WORKER_CONCURRENCY: fc.constantFrom("0", "501", "1.5", "many", "NaN"),
  WORKER_LEASE_SECONDS: fc.constantFrom("0", "3601", "-1", "1,5"),
  WORKER_POLL_INTERVAL: fc.constantFrom("0", "3601", "0.01", "Infinity"),
  WORKER_GRACE_SECONDS: fc.constantFrom("-1", "3601", "NaN"),
  LEASEHOLD_HTTP_PORT: fc.constantFrom("-1", "65536", "1.5", "on"),
  LOG_LEVEL: fc.constantFrom("trace", "INFO", "2"),
  LEASEHOLD_LOG_FORMAT: fc.constantFrom("xml", "JSON"),
  LEASEHOLD_STUB_SCRIPT: fc.constantFrom("explode", "outage many"),
  LEASEHOLD_STUB_MARKERS: fc.constantFrom("yes", "true"),
};

/** Some variables are wrong, whatever else is right. */
const anyWrong = fc
  .subarray(Object.keys(wrong), { minLength: 1 })
  .chain((names) =>
    fc.record(Object.fromEntries(names.map((name) => [name, wrong[name] ?? fc.constant("")]))),
  );

function problemsOf(environment: Environment): EnvironmentError {
  try {
    parseEnvironment(environment);
  } catch (error) {
    if (error instanceof EnvironmentError) return error;
    throw error;
  }
  throw new Error("The environment was accepted.");
}

describe("parseEnvironment", () => {
  test("names every variable that is wrong, in whatever company, and each once", () => {
    fc.assert(
      fc.property(anyWrong, (environment) => {
        const { problems } = problemsOf(environment);

        const blamed = problems.map((problem) => problem.split(/[ :]/, 1).join());
        expect(blamed.toSorted()).toEqual(Object.keys(environment).toSorted());
      }),
    );
  });

  test("quotes no secret, in whatever company it is refused", () => {
    const secretNames = Object.values(settings).flatMap(({ name, isSecret }) =>
      isSecret ? [name, `${name}_FILE`] : [],
    );
    const anySecrets = fc.dictionary(
      fc.constantFrom(...secretNames),
      fc.oneof(
        anyCanary,
        anyCanary.map((canary) => `postgresql://worker:${canary}@host/learning`),
        anyCanary.map((canary) => `postgres://postgres:${canary}@one,two/${canary}`),
        anyCanary.map((canary) => `${canary}@host:5432`),
      ),
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(anyWrong, anySecrets, (environment, secrets) => {
        const error = problemsOf({ ...environment, ...secrets });

        const shown = [error.message, ...error.problems, Bun.inspect(error), JSON.stringify(error)];
        expect(shown.join("\n")).not.toContain("canary-7f3a");
      }),
      { numRuns: 300 },
    );
  });

  test("answers or refuses whatever the environment holds", () => {
    const anyName = fc.constantFrom(...Object.values(settings).map(({ name }) => name));
    const anyValue = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("on", "off", "local"));
    fc.assert(
      fc.property(
        fc.dictionary(anyName, anyValue, { maxKeys: 12, noNullPrototype: true }),
        (environment) => {
          try {
            parseEnvironment(environment);
          } catch (error) {
            expect(error).toBeInstanceOf(EnvironmentError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
