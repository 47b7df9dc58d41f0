import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { HttpConfig } from "./config.ts";

export interface OperatorTokens {
  readonly tokens: readonly string[];
  /** Where a token that nobody chose lies; undefined when the environment named them. */
  readonly file: string | undefined;
}

/** The tokens that may ask for health and metrics; makes one when the environment names none. */
export function findOperatorTokens(http: HttpConfig, dataDir: string): OperatorTokens {
  if (http.operatorTokens.length > 0) return { tokens: http.operatorTokens, file: undefined };
  const file = join(dataDir, "operator-token");
  mkdirSync(dataDir, { recursive: true });
  if (!existsSync(file)) {
    try {
      const token = randomBytes(24).toString("base64url");
      writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx" });
    } catch (error) {
      // Another worker that starts with us was faster: its token is ours too.
      if (!existsSync(file)) throw error;
    }
  }
  return { tokens: [readFileSync(file, "utf8").trim()], file };
}
