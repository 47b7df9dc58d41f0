import { connect, type Socket } from "node:net";

import { createDelayLine, type DelayLine } from "./delay-line.ts";
import type { FaultPlan, MetFault } from "./fault-plan.ts";
import {
  type ClientMessage,
  createClientReader,
  createServerReader,
  type ServerMessage,
} from "./postgres-wire.ts";

/** A client's connection and the one to the server that stands behind it. */
export interface ProxiedConnection {
  /** Whether the client still holds on to it, though it may be silent. */
  isOpen(): boolean;
  /** Breaks both. */
  cut(): void;
}

export interface ProxiedConnectionOptions {
  readonly plan: FaultPlan;
  /** Where the server listens. */
  readonly socketPath: string;
  /** In mode `slow`, in each direction. */
  readonly delayMs: number;
}

interface State extends ProxiedConnectionOptions {
  readonly client: Socket;
  readonly server: Socket;
  readonly toClient: DelayLine;
  readonly toServer: DelayLine;
  /** How often the server will have said that it is ready when it is through with all it was asked. */
  asked: number;
  /** How often it has. */
  answered: number;
  /** Strikes when the server has answered this often; answers of that one statement are lost. */
  doom: { readonly answered: number; readonly fault: MetFault } | undefined;
  /** Nothing passes any more, in either direction, not even that the other side is gone. */
  isSilent: boolean;
  hasHungUp: boolean;
}

/** Connects a client to the server behind the proxy. The client's socket must allow to be half open. */
export function connectThrough(
  client: Socket,
  options: ProxiedConnectionOptions,
): ProxiedConnection {
  const server = connect(options.socketPath);
  const state: State = {
    ...options,
    client,
    server,
    toClient: createDelayLine((bytes) => void (client.writable && client.write(bytes))),
    toServer: createDelayLine((bytes) => void (server.writable && server.write(bytes))),
    asked: 0,
    answered: 0,
    doom: undefined,
    isSilent: false,
    hasHungUp: false,
  };
  client.setNoDelay(true);
  relay(state);
  followEnds(state);
  return {
    isOpen: () => !state.hasHungUp && !client.destroyed,
    cut: () => cut(state),
  };
}

function relay(state: State): void {
  const readClient = createClientReader();
  const readServer = createServerReader();
  state.client.on("data", (chunk) => {
    if (isSilent(state)) return;
    for (const message of readClient(chunk)) {
      passToServer(state, message);
      if (state.client.destroyed) return;
    }
  });
  state.server.on("data", (chunk) => {
    if (isSilent(state)) return;
    for (const message of readServer(chunk)) passToClient(state, message);
  });
}

/** Whoever breaks off may do so while we write, so an error only ends what is over anyway. */
function followEnds(state: State): void {
  const { client, server, toClient, toServer } = state;
  client.on("error", () => client.destroy());
  server.on("error", () => server.destroy());
  client.on("end", () => {
    state.hasHungUp = true;
    // A server on the far side of a dead network does not learn that its client has given up.
    if (!isSilent(state)) hangUp(state);
  });
  client.on("close", () => {
    toClient.clear();
    if (!isSilent(state)) server.end();
  });
  server.on("close", () => {
    toServer.clear();
    if (!isSilent(state)) client.end();
  });
}

function isSilent(state: State): boolean {
  state.isSilent ||= state.plan.mode === "black-hole";
  return state.isSilent;
}

function passToServer(state: State, message: ClientMessage): void {
  const { client, plan, toServer } = state;
  if (message.asksForEncryption) {
    // No, thank you.
    client.write("N");
    return;
  }
  const fault = message.statement === undefined ? undefined : plan.meet(message.statement);
  if (fault?.kind === "cut-before") {
    fault.strike();
    breakOff(state);
    return;
  }
  // Whether it was sent simply or step by step, the server says once that it is through with it.
  if (fault !== undefined) state.doom = { answered: state.asked + 1, fault };
  if (message.asksForReady) state.asked += 1;
  toServer.send(message.bytes, delayOf(state));
}

function passToClient(state: State, message: ServerMessage): void {
  const { doom, toClient } = state;
  const isLost = doom !== undefined && state.answered === doom.answered - 1;
  if (message.isReady) state.answered += 1;
  if (!isLost) {
    toClient.send(message.bytes, delayOf(state));
  } else if (message.isReady) {
    if (doom.fault.kind === "hang-after") state.isSilent = true;
    else breakOff(state);
    doom.fault.strike();
  }
}

function delayOf({ plan, delayMs }: State): number {
  return plan.mode === "slow" ? delayMs : 0;
}

/** The client sees a broken connection; the server finishes what it was sent before. */
function breakOff({ client, server }: State): void {
  client.resetAndDestroy();
  server.end();
}

function hangUp({ client, server }: State): void {
  client.end();
  server.end();
}

function cut({ client, server }: State): void {
  client.resetAndDestroy();
  server.destroy();
}
