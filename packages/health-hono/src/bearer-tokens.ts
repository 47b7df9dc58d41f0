import nodeCrypto from "node:crypto";

import type { Authorize, ProtectedRoute } from "./health-routes.ts";

/** A token that may not see everything. */
export interface BearerToken {
  readonly token: string;
  /** Whoever has the token and asks for something else is `forbidden`. */
  readonly may: readonly ProtectedRoute[];
}

interface KnownToken {
  readonly digest: Buffer;
  readonly may: readonly ProtectedRoute[];
}

/** Shorter tokens can be guessed over the network. */
const tokenLengthMin = 16;

const everything: readonly ProtectedRoute[] = ["health", "metrics"];

/**
 * Lets in who sends `Authorization: Bearer <token>` with one of the tokens.
 *
 * Several tokens are valid at once, so that one can be replaced without a gap. A plain string may see everything.
 */
export function bearerTokens(tokens: readonly (string | BearerToken)[]): Authorize {
  const known = tokens.map(toToken);
  refuseBadTokens(known);
  const digests = known.map(({ token, may }): KnownToken => ({ digest: hash(token), may }));

  return (request, what) => {
    const presented = readBearer(request.headers.get("Authorization"));
    if (presented === undefined) return "unauthenticated";
    const matches = findMatches(digests, hash(presented));
    if (matches.length === 0) return "unauthenticated";
    return matches.some(({ may }) => may.includes(what)) ? "allowed" : "forbidden";
  };
}

function toToken(token: string | BearerToken): BearerToken {
  return typeof token === "string" ? { token, may: everything } : token;
}

function refuseBadTokens(tokens: readonly BearerToken[]): void {
  const problems: string[] = [];
  if (tokens.length === 0) problems.push("the list is empty, so that nobody could be let in");
  for (const [index, { token }] of tokens.entries()) {
    // The place, never the token: this text ends in a log.
    if (token.length < tokenLengthMin) {
      problems.push(`token ${index} is shorter than ${tokenLengthMin} characters`);
    } else if (!/^[\x21-\x7e]+$/.test(token)) {
      problems.push(`token ${index} has characters that no header can carry`);
    }
  }
  if (problems.length > 0) throw new TypeError(`Bearer tokens refused: ${problems.join("; ")}.`);
}

function readBearer(header: string | null): string | undefined {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(header ?? "")?.[1];
}

function findMatches(known: readonly KnownToken[], presented: Buffer): readonly KnownToken[] {
  // Every token is compared, so that the time taken does not tell which of them was right.
  return known.filter(({ digest }) => nodeCrypto.timingSafeEqual(digest, presented));
}

/** Digests have one length, so that a comparison does not tell the length of a token. */
function hash(token: string): Buffer {
  return nodeCrypto.createHash("sha256").update(token).digest();
}
