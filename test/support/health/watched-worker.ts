import { join } from "node:path";

import { root } from "../worker-bench.ts";

/** The reference worker in this process, beside a way to ask it as over HTTP. */
export interface WatchedWorker extends AsyncDisposable {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Its HTTP, with nothing remembered of what was asked before. */
  openHttp(): Http;
}

export interface Http {
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

interface App extends AsyncDisposable {
  readonly worker: { stop(): Promise<void> };
  start(signal: AbortSignal): Promise<void>;
}

interface Config {
  readonly http: object;
  readonly log: object;
}

// By their paths: an application has no entry points for others.
interface WorkerModules {
  parseEnvironment(this: void, variables: Readonly<Record<string, string>>): Config;
  createLog(this: void, settings: object, target: object): object;
  openApp(this: void, config: Config, url: string, logger: object): Promise<App>;
  createRoutes(this: void, parts: object): Http;
}

async function importModules(): Promise<WorkerModules> {
  const names = ["config", "logging", "app", "http"];
  const paths = names.map((name) => join(root, `apps/worker/src/${name}.ts`));
  const modules = await Promise.all(paths.map((path) => import(path) as Promise<object>));
  return Object.assign({}, ...modules) as WorkerModules;
}

export interface WatchedWorkerOptions {
  readonly url: string;
  readonly token: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** Puts the reference worker together, not started. */
export async function openWatchedWorker(options: WatchedWorkerOptions): Promise<WatchedWorker> {
  const { url, token, variables } = options;
  const { parseEnvironment, createLog, openApp, createRoutes } = await importModules();
  const config = parseEnvironment({ ...variables, LEARNING_DATABASE_URL: url, LOG_LEVEL: "error" });
  const target = { descriptor: 2, isTerminal: false };
  const app = await openApp(config, url, createLog(config.log, target));
  return {
    start: () => app.start(new AbortController().signal),
    stop: () => app.worker.stop(),
    openHttp: () => createRoutes({ ...app, tokens: [token], http: config.http }),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}
