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
}

export async function startProxy(target: string): Promise<Proxy> {
  const folder = await mkdtemp(join(tmpdir(), "leasehold-proxy-"));
  const path = join(folder, ".s.PGSQL.5432");
  const sockets = new Set<Socket>();
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
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => void server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}
