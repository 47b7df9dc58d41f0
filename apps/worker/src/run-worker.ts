import type { Worker } from "@leasehold/core";

import { type App, openApp } from "./app.ts";
import type { WorkerConfig } from "./config.ts";
import { type ConsoleOperator, usualRoles } from "./console-operators.ts";
import { consolePath, openConsole } from "./console-routes.ts";
import { openDatabase } from "./database.ts";
import { exitCodes } from "./exit-codes.ts";
import { createRoutes, type HttpServer, serve } from "./http.ts";
import { createLog, type WorkerLog } from "./logging.ts";
import { findOperatorTokens } from "./operator-token.ts";
import { operatorName } from "./operator.ts";

/** Works submissions until it is told to stop, or until its worker is exhausted. Answers the exit code. */
export async function runWorker(config: WorkerConfig, signal: AbortSignal): Promise<number> {
  const log = createLog(config.log, { descriptor: 1, isTerminal: process.stdout.isTTY });
  await using database = await openDatabase(config);
  await using app = await openApp(config, database.url, log);
  announce(config, log, { backend: app.backend.description, database: database.description });
  // Health answers from before the start to after the stop: whoever starts or stops us can watch.
  const server = openServer(config, { app, url: database.url }, log);
  try {
    const worker = stopped(app.worker);
    await app.start(signal);
    await Promise.race([aborted(signal), worker]);
    // Who was told to stop is not to be started again, however tired he is.
    const isToldTo = signal.aborted;
    await app.stop();
    return app.worker.state() === "exhausted" && !isToldTo ? exitCodes.exhausted : exitCodes.done;
  } finally {
    await server?.stop();
  }
}

function openServer(
  config: WorkerConfig,
  { app, url }: { readonly app: App; readonly url: string },
  log: WorkerLog,
): Pick<HttpServer, "stop"> | undefined {
  const { http, dataDir, schema, backend } = config;
  const { port } = http;
  if (port === undefined) return undefined;
  const { tokens, file } = findOperatorTokens(http, dataDir);
  const operators = findConsoleOperators(config, file === undefined ? undefined : tokens[0]);
  const page =
    operators.length === 0
      ? undefined
      : openConsole(operators, {
          url,
          schema,
          backend,
          telemetry: app.telemetry,
          observe: ({ name, ...fields }) => log.write(name, fields),
        });
  const routes = createRoutes({ ...app, tokens, http });
  if (page !== undefined) routes.route("/", page.routes);
  const server = serve(routes, { ...http, port });
  if (server.warning !== undefined) log.write("worker.warned", { message: server.warning });
  log.write("http.listening", { url: server.url, file });
  if (page !== undefined) log.write("console.listening", { url: `${server.url}${consolePath}` });
  return {
    async stop() {
      await server.stop();
      await page?.[Symbol.asyncDispose]();
    },
  };
}

/** Those that the environment names; else whoever may read the token that was made, which nobody was given yet. */
function findConsoleOperators(
  { consoleOperators }: WorkerConfig,
  madeToken: string | undefined,
): readonly ConsoleOperator[] {
  if (consoleOperators.length > 0 || madeToken === undefined) return consoleOperators;
  return [{ name: operatorName(), token: madeToken, roles: usualRoles }];
}

/** Says first what answers and where things are stored: above all when it is the stub. */
function announce(
  config: WorkerConfig,
  log: WorkerLog,
  found: { readonly backend: string; readonly database: string },
): void {
  log.write("worker.configured", { ...found, storage: config.storageRoot, ...config.worker });
  if (config.backend.kind === "stub") {
    const message =
      "THE STUB ANSWERS: every score is invented. Set AI_BACKEND=local to ask a model.";
    log.write("worker.warned", { message });
  }
  for (const message of config.warnings) log.write("worker.warned", { message });
}

/** Resolves when a worker has come to its end. */
function stopped(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.subscribe(({ name }) => {
      if (name === "worker.stopped") resolve();
    });
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
