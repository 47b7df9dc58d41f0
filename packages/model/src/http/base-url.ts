import { toConfigError } from "./config-error.ts";

/** Where a model server is, checked and written in one way. */
export interface BaseUrl {
  /** Origin and path, without a slash at the end. */
  readonly url: string;
  /** `host:port`; the port is always there. */
  readonly host: string;
  /** The host is this machine or a private network. False only for an origin that was allowed by name. */
  readonly local: boolean;
}

/** What an address must be, beyond an address. */
export interface BaseUrlRule {
  /** What is refused, at the start of the message: `Ollama base URL`. */
  readonly subject: string;
  /** An address that would be accepted, for the message. */
  readonly example: string;
  /** Origins outside the private network that learners' work may go to. Default: none. */
  readonly allowOrigins?: readonly string[];
}

/**
 * Reads the address of a model server and refuses one that learners' work must not travel to.
 *
 * It judges the name as written: what a name server answers for `ollama` or `gpu.internal` is the operator's concern.
 */
export function parseBaseUrl(text: string, rule: BaseUrlRule): BaseUrl {
  const { base, problems } = readBaseUrl(text, rule);
  if (base === undefined) throw toConfigError(rule.subject, problems);
  return base;
}

/** The same as data, for a caller that has more problems to report. */
export function readBaseUrl(
  text: string,
  { example, allowOrigins = [] }: Omit<BaseUrlRule, "subject">,
): { readonly base?: BaseUrl; readonly problems: readonly string[] } {
  const problems = allowOrigins.flatMap((origin, index) =>
    isOrigin(origin)
      ? []
      : [`allowOrigins[${index}] must be an origin such as https://models.example.org`],
  );
  const url = parseUrl(text, `an address such as ${example}`);
  if (typeof url === "string") return { problems: [...problems, url] };
  const local = isLocalHost(url.hostname);
  // What stands in the path or the query may be a secret, so only the host is named.
  if (/[?#]/.test(text)) {
    problems.push(`host "${url.hostname}" must not be followed by a query or a fragment`);
  }
  if (!local && !allowOrigins.includes(url.origin)) {
    problems.push(
      `host "${url.hostname}" is neither this machine nor a private network: learners' work would leave it; ` +
        "name its origin in allowOrigins if that is meant",
    );
  }
  if (problems.length > 0) return { problems };
  const base = {
    url: `${url.origin}${url.pathname.replace(/\/+$/, "")}`,
    host: `${url.hostname}:${url.port === "" ? defaultPorts[url.protocol] : url.port}`,
    local,
  };
  return { base: Object.freeze(base), problems };
}

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/** A URL, or the problem with it. */
function parseUrl(text: string, expected: string): URL | string {
  // A URL parser drops tabs and line breaks, reads a backslash as a slash and takes what stands before an "@" for a
  // password: three ways to show one host and to mean another. None of them is needed here. The value is not quoted,
  // because what looks like its host may be a password.
  if (/[\s\\@\p{Cc}]/u.test(text)) {
    return `expected ${expected} without user name, password, blank or backslash`;
  }
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return `expected ${expected}`;
  return new URL(text);
}

function isOrigin(text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

/** Judges a host as the URL parser wrote it: decimal, octal and hexadecimal addresses are dotted by then. */
function isLocalHost(hostname: string): boolean {
  if (hostname.startsWith("[")) return isLocalAddress6(hostname.slice(1, -1));
  const address4 = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(hostname);
  if (address4 !== null) return isLocalAddress4(Number(address4[1]), Number(address4[2]));
  // A name without a dot is a service of the same compose file or cluster. A dot at the end would make it a name of
  // the public root, and an empty label is no name.
  return /^[a-z0-9_-]+$/.test(hostname) || /^([a-z0-9_-]+\.)+(local|internal)$/.test(hostname);
}

/** Loopback and RFC 1918. Not 169.254/16: the cloud's metadata service answers there. */
function isLocalAddress4(first: number, second: number): boolean {
  return (
    first === 127 ||
    first === 10 ||
    (first === 172 && second >= 16 && second <= 31) ||
    (first === 192 && second === 168)
  );
}

/** Loopback, unique local addresses, and the local ones of IPv4 in their mapped form. */
function isLocalAddress6(address: string): boolean {
  const mapped = /^::ffff:([0-9a-f]{1,4}):[0-9a-f]{1,4}$/.exec(address);
  if (mapped?.[1] !== undefined) {
    const high = Number.parseInt(mapped[1], 16);
    return isLocalAddress4(high >> 8, high & 0xff);
  }
  return address === "::1" || /^f[cd][0-9a-f]{2}:/.test(address);
}
