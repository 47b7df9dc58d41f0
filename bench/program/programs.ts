import { fork } from "node:child_process";
import { join } from "node:path";

import type { z } from "zod";

import { type Ask, notice as noticeSchema } from "./messages.ts";

/** A spawned process of the bench. Disposing of it ends it. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** Jobs it said it handled. */
  handled(): number;
  hasEnded(): boolean;
  /** Resolves when its first job runs. */
  readonly first: Promise<void>;
  /** Questions are answered one at a time, in order. */
  ask<Answer>(question: Ask, schema: z.ZodType<Answer>): Promise<Answer>;
}

/** Starts a process and waits until it has loaded everything. */
export async function startProgram(): Promise<Program> {
  const child = fork(join(import.meta.dirname, "main.ts"), [], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const loaded = Promise.withResolvers<void>();
  const first = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let pending: PromiseWithResolvers<unknown> | undefined;
  let answered: Promise<unknown> = Promise.resolve();
  let handled = 0;
  const send = async (question: Ask): Promise<unknown> => {
    pending = Promise.withResolvers<unknown>();
    child.send(question);
    return await pending.promise;
  };
  child.on("message", (message: unknown) => {
    const told = noticeSchema.parse(message);
    if (told.notice === "loaded") loaded.resolve();
    if (told.notice === "first") first.resolve();
    if (told.notice === "handled") handled = told.count;
    if (told.notice === "answer") pending?.resolve(told.value);
    if (told.notice === "failed") pending?.reject(new Error(`in a program: ${told.message}`));
  });
  const fail = (error: Error): void => {
    for (const waiting of [loaded, pending]) waiting?.reject(error);
  };
  child.on("error", fail);
  child.once("exit", (code) => {
    fail(new Error(`a program of the bench ended with exit code ${code}`));
    ended.resolve();
  });
  await loaded.promise;
  return {
    pid: child.pid ?? 0,
    handled: () => handled,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    first: first.promise,
    async ask(question, schema) {
      const answer = answered.then(() => send(question));
      answered = answer.catch(() => undefined);
      return schema.parse(await answer);
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await ended.promise;
    },
  };
}
