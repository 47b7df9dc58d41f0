import { ModelError } from "../model.ts";

/** Reports every problem of one setting at once. The problems are our own words. */
export function toConfigError(subject: string, problems: readonly string[]): ModelError {
  return new ModelError("config_invalid", `${subject} refused: ${problems.join("; ")}.`, {
    scope: "config",
    retryable: false,
  });
}
