import { once } from "node:events";
import { connect, createServer, type NetConnectOpts, type Socket } from "node:net";

/** An address on this machine that can be there or not, with a server behind it. */
export interface TcpRelay extends AsyncDisposable {
  readonly port: number;
  /** Lets connections in, again. */
  open(): Promise<void>;
  /** Cuts all connections and refuses new ones. */
  close(): Promise<void>;
}

/** Finds an address that leads nowhere until it is opened. */
export async function createTcpRelay(target: NetConnectOpts): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer((incoming) => {
    const outgoing = connect(target);
    keep(incoming);
    keep(outgoing);
    incoming.pipe(outgoing).pipe(incoming);
    incoming.once("close", () => outgoing.destroy());
    outgoing.once("close", () => incoming.destroy());
  });
  let port = 0;
  const open = async (): Promise<void> => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    port = typeof address === "object" && address !== null ? address.port : port;
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await open();
  await close();
  return { port, open, close, [Symbol.asyncDispose]: close };
}
