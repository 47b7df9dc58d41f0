import { once } from "node:events";
import { createServer } from "node:net";

import postgres from "postgres";

import { type ArmedFault, createFaultPlan, type Fault, type ProxyMode } from "./fault-plan.ts";
import { connectThrough, type ProxiedConnection } from "./proxied-connection.ts";

/** Stands between clients and a Postgres, understands what they say, and breaks what a test wants broken. */
export interface FaultProxy extends AsyncDisposable {
  /** The same database and login as the target's, through the proxy. */
  readonly url: string;
  setMode(mode: ProxyMode): void;
  /** One statement meets one fault, the one that was armed first. */
  arm(fault: Fault): ArmedFault;
  /** Breaks every connection, and answers how many clients still held one. */
  cutAll(): number;
  /** How many connections clients hold, also those that are silent. */
  countOpen(): number;
  /** How often a statement was run that contains this. */
  countRuns(statement: RegExp): number;
}

export interface FaultProxyOptions {
  /** Of a Postgres that listens in a Unix socket and asks for no password. */
  readonly url: string;
  /** In mode `slow`, in each direction. Default: 100. */
  readonly delayMs?: number;
}

/** Starts a proxy on a free port of this machine. */
export async function createFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  const { path, database, user } = postgres(options.url, { max: 1 }).options;
  const plan = createFaultPlan();
  const connections = new Set<ProxiedConnection>();
  // Half open, since a peer that is silent does not answer a farewell either.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (plan.mode === "refuse") {
      client.resetAndDestroy();
      return;
    }
    const target = { plan, socketPath: String(path), delayMs: options.delayMs ?? 100 };
    const connection = connectThrough(client, target);
    connections.add(connection);
    client.once("close", () => connections.delete(connection));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const countOpen = (): number => [...connections].filter((each) => each.isOpen()).length;
  const cutAll = (): number => {
    const open = countOpen();
    for (const connection of connections) connection.cut();
    return open;
  };

  return {
    url: `postgres://${user}@127.0.0.1:${port}/${database}`,
    setMode(mode) {
      plan.mode = mode;
    },
    arm: (fault) => plan.arm(fault),
    cutAll,
    countOpen,
    countRuns: (statement) => plan.countRuns(statement),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      cutAll();
      await closed;
    },
  };
}
