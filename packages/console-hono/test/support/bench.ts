import { Hono } from "hono";

import {
  bearerTokens,
  type ConsoleEvent,
  type ConsoleOptions,
  createConsole,
  type OperatorRole,
} from "../../src/index.ts";

/** What a test sends, with what it does not care about left out. */
export interface Sent {
  readonly method?: string;
  /** Default: that of who may do everything. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** A host with a console under `/ops/console`. */
export interface Bench {
  readonly events: readonly ConsoleEvent[];
  /** A path from where the console is mounted. A body makes it a POST. */
  readonly ask: (path: string, sent?: Sent) => Promise<Answer>;
}

export const tokens: Readonly<Record<"read" | "act" | "reveal" | "all", string>> = {
  read: "a-token-that-may-read",
  act: "a-token-that-may-act",
  reveal: "a-token-that-may-reveal",
  all: "a-token-for-everything",
};
const roles: Readonly<Record<keyof typeof tokens, readonly OperatorRole[]>> = {
  read: ["read"],
  act: ["act"],
  reveal: ["reveal"],
  all: ["read", "act", "reveal"],
};

export function createBench(
  options: Pick<ConsoleOptions, "client"> & Partial<ConsoleOptions>,
): Bench {
  const events: ConsoleEvent[] = [];
  const authorize = bearerTokens(
    (["read", "act", "reveal", "all"] as const).map((name) => ({
      name: `operator ${name}`,
      token: tokens[name],
      roles: roles[name],
    })),
  );
  const observe = (event: ConsoleEvent): void => void events.push(event);
  const host = new Hono();
  host.route("/ops/console", createConsole({ authorize, observe, ...options }));
  return {
    events,
    async ask(path, { method, token = tokens.all, headers, body } = {}) {
      const response = await host.request(`http://ops.test/ops/console/${path}`, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        headers: {
          ...(token === "" ? {} : { Authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = /json/.test(response.headers.get("Content-Type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: isJson ? (JSON.parse(text) as Answer["json"]) : {},
      };
    },
  };
}

/** One route of the API, as its document tells of it. */
export interface Route {
  readonly method: "get" | "post";
  readonly path: string;
  /** A path with something for each parameter. */
  readonly address: string;
}

/** Every route that the document promises, and the document itself. */
export async function listRoutes({ ask }: Bench): Promise<readonly Route[]> {
  const { json } = await ask("openapi.json");
  const paths = json["paths"] as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method): Route => {
      const address = path.slice(1).replaceAll(/\{\w+\}/g, crypto.randomUUID());
      return { method: method === "post" ? "post" : "get", path, address };
    }),
  );
  return [...routes, { method: "get", path: "/openapi.json", address: "openapi.json" }];
}

/** A body that each POST takes. */
export function bodyOf(path: string): unknown {
  if (path.endsWith("/replay")) return { phase: "draft" };
  if (path.endsWith("/resolve")) return { reason: "By hand." };
  if (path.endsWith("/reveal")) return { reason: "A parent asked." };
  if (path.startsWith("/api/pauses")) return { scope: { queue: "default" } };
  if (path === "/api/jobs/requeue") return { filter: {}, count: 3 };
  return {};
}
