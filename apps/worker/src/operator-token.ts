import { randomBytes } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { WorkerError } from "@leasehold/core";

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
  if (!existsSync(file)) makeTokenFile(dataDir, file);
  const token = readFileSync(file, "utf8").trim();
  if (token === "") {
    throw new WorkerError("config_invalid", `${file} holds no token: delete it for a new one.`, {
      scope: "config",
    });
  }
  return { tokens: [token], file };
}

/** Whoever finds the file finds a whole token in it: it is written elsewhere and then given its name. */
function makeTokenFile(dataDir: string, file: string): void {
  mkdirSync(dataDir, { recursive: true });
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
  try {
    linkSync(draft, file);
  } catch (error) {
    // Another worker that starts with us was faster: its token is ours too.
    if (!existsSync(file)) throw error;
  } finally {
    rmSync(draft);
  }
}
