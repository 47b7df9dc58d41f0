import nodeCrypto from "node:crypto";

import type { AuthorizeOperator, Operator } from "./operator.ts";

/** An operator who is known by a token. */
export interface OperatorToken extends Operator {
  /** At least 16 characters that a header can carry. */
  readonly token: string;
}

interface KnownOperator {
  readonly digest: Buffer;
  readonly operator: Operator;
}

/** Shorter tokens can be guessed over the network. */
const tokenLengthMin = 16;

/** A browser asks for a name and a password, and sends them along with all that the page asks for. */
const challenge = 'Basic realm="Leasehold", charset="UTF-8"';

/**
 * Knows operators by `Authorization: Bearer <token>`, and by the token as the password that a browser asks for, under any
 * name.
 *
 * Several tokens may have one name, so that one can be replaced without a gap.
 */
export function bearerTokens(tokens: readonly OperatorToken[]): AuthorizeOperator {
  refuseBadTokens(tokens);
  const known = tokens.map(({ token, name, roles }): KnownOperator => ({
    digest: hash(token),
    operator: Object.freeze({ name, roles: Object.freeze([...roles]) }),
  }));

  const authorize = (request: Request): Operator | undefined => {
    const header = request.headers.get("Authorization") ?? "";
    const presented = readBearer(header) ?? readPassword(header);
    return presented === undefined ? undefined : findOperator(known, hash(presented));
  };
  return Object.assign(authorize, { challenge });
}

function refuseBadTokens(tokens: readonly OperatorToken[]): void {
  const problems: string[] = [];
  if (tokens.length === 0) problems.push("the list is empty, so that nobody could be let in");
  for (const [index, { token, name, roles }] of tokens.entries()) {
    // The place, never the token: this text ends in a log.
    if (token.length < tokenLengthMin) {
      problems.push(`token ${index} is shorter than ${tokenLengthMin} characters`);
    } else if (!/^[\x21-\x7e]+$/.test(token)) {
      problems.push(`token ${index} has characters that no header can carry`);
    }
    if (name.trim() === "") problems.push(`token ${index} has no name for the audit table`);
    if (roles.length === 0) problems.push(`token ${index} has no role, so that it opens nothing`);
  }
  if (new Set(tokens.map(({ token }) => token)).size < tokens.length) {
    problems.push("one token stands there twice, so that nobody could say whose it is");
  }
  if (problems.length > 0) throw new TypeError(`Operators refused: ${problems.join("; ")}.`);
}

function readBearer(header: string): string | undefined {
  return /^Bearer +([\x21-\x7e]+)$/i.exec(header)?.[1];
}

function readPassword(header: string): string | undefined {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  return /^[^:]*:([\x21-\x7e]+)$/.exec(Buffer.from(encoded, "base64").toString("utf8"))?.[1];
}

function findOperator(known: readonly KnownOperator[], presented: Buffer): Operator | undefined {
  // Every token is compared, so that the time taken does not tell which of them was right.
  const matches = known.filter(({ digest }) => nodeCrypto.timingSafeEqual(digest, presented));
  return matches[0]?.operator;
}

/** Digests have one length, so that a comparison does not tell the length of a token. */
function hash(token: string): Buffer {
  return nodeCrypto.createHash("sha256").update(token).digest();
}
