import { mkdtemp, rm } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a proxy does with bytes and new connections. */
export type ProxyMode = "pass" | "silent" | "refuse";

/** A way to a Postgres socket that can be made to fail. */
export interface Proxy extends AsyncDisposable {
  /** For the `path` of the driver. */
  readonly path: string;
  /** `silent`: connections stay open and nothing gets through, either way; what was sent then is lost. */
  mode(mode: ProxyMode): void;
  /** Ends all connections. */
  cut(): void;
  /** Resolves as soon as there is no connection, which may be at once. */
  left(): Promise<void>;
}

export async function startProxy(target: string): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-proxy-"));
  const path = join(folder, ".s.PGSQL.5432");
  const sockets = new Set<Socket>();
  const leaving = new Set<() => void>();
  let mode: ProxyMode = "pass";
  const server = createServer((near) => {
    if (mode === "refuse") {
      near.destroy();
      return;
    }
    const far = createConnection(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("data", (bytes) => {
        if (mode === "pass") to.write(bytes);
      });
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
        if (sockets.size > 0) return;
        for (const leave of leaving) leave();
        leaving.clear();
      });
    }
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    path,
    mode: (next) => void (mode = next),
    cut,
    left: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve();
        else leaving.add(resolve);
      }),
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => void server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
