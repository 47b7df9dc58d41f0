import { afterAll, expect } from "bun:test";

import { migrate, migrateRoles } from "@leasehold/core";
import { cronSql } from "@leasehold/cron";
import { createLearningStore, learningSql, type LearningStore } from "@leasehold/learning";
import postgres from "postgres";

import {
  type FakeOllama,
  type FakeOllamaOptions,
  models,
  startFakeOllama,
} from "../fake-ollama.ts";
import { createFaultProxy, type FaultProxy } from "../fault-proxy.ts";
import { patienceMs } from "../spawned-program.ts";
import { createTcpRelay, type TcpRelay } from "../tcp-relay.ts";
import { type Cluster, type Database, useCluster } from "../worker-bench.ts";
import { type Http, openWatchedWorker, type WatchedWorker } from "./watched-worker.ts";

/** Words of operators and learners. None of them may be in an answer. */
export const secrets = {
  password: "stieglitz-passwort",
  token: "stieglitz-wort-des-betreibers",
  essay: "stieglitz-aufsatz",
} as const;

export const healthPath = "/internal/health/learning-worker";

export interface Check {
  readonly check: string;
  readonly status: "ok" | "failed";
  readonly detail: string | null;
}

/** What a client got, whole. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly checks: readonly Check[];
}

/** One worker, its database and its models, each with a hand at its throat. */
export interface Scene {
  readonly database: Database;
  readonly store: LearningStore;
  readonly proxy: FaultProxy;
  readonly relay: TcpRelay;
  readonly ollama: FakeOllama;
  readonly worker: WatchedWorker;
  /** Another one on the same database, not started. */
  readonly openWorker: () => Promise<WatchedWorker>;
  /** As a superuser, past the proxy. */
  readonly run: (statements: string) => Promise<void>;
  /** What the model server does instead of what it would. */
  readonly act: { script: FakeOllamaOptions["script"] | undefined };
}

/** Makes the scene once for a test file: its tests stage their faults one after the other, and mend them. */
export function useScene(): () => Promise<Scene> {
  const cluster = useCluster();
  const stack = new AsyncDisposableStack();
  let made: Promise<Scene> | undefined;
  afterAll(() => stack.disposeAsync());
  return () => (made ??= makeScene(cluster, stack));
}

const login = "app";

async function makeScene(cluster: Cluster, stack: AsyncDisposableStack): Promise<Scene> {
  const database = await cluster.createDatabase();
  const bundles = [learningSql, cronSql];
  await migrate({ connection: database.url, bundles });
  const roles = { worker: "gustav_worker", limited: "gustav_limited" };
  await migrateRoles({ connection: database.adminUrl, bundles, ...roles });
  const admin = postgres(database.adminUrl, { max: 1, onnotice: () => undefined });
  stack.defer(() => admin.end({ timeout: 1 }));
  const run = async (statements: string): Promise<void> => {
    await admin.unsafe(statements).simple();
  };
  await run(`create role ${login} login in role gustav_worker`);

  const proxy = stack.use(await createFaultProxy({ url: database.urlOf(login) }));
  const act: Scene["act"] = { script: undefined };
  const ollama = stack.use(
    await startFakeOllama({ gpuShare: 1, script: (request) => act.script?.(request) }),
  );
  const relay = stack.use(
    await createTcpRelay({ port: Number(new URL(ollama.url).port), host: "127.0.0.1" }),
  );
  await relay.open();
  const open = (): Promise<WatchedWorker> =>
    openWatchedWorker({
      url: proxy.url.replace(`${login}@`, `${login}:${secrets.password}@`),
      token: secrets.token,
      variables: {
        AI_BACKEND: "local",
        AI_VISION_MODEL: models.vision,
        AI_FEEDBACK_MODEL: models.feedback,
        OLLAMA_BASE_URL: `http://127.0.0.1:${relay.port}`,
        LEASEHOLD_EXPECT_GPU: "on",
        // A worker that looks after its queue at its leisure mends no fault before it is seen.
        WORKER_LEASE_SECONDS: "900",
      },
    });
  const store = stack.use(createLearningStore({ connection: database.adminUrl }));
  const worker = stack.use(await open());
  await worker.start();
  const openWorker = open;
  return { database, store, proxy, relay, ollama, worker, openWorker, run, act };
}

/** Asks as the operator does. */
export async function ask(
  http: Http,
  path: string = healthPath,
  init: RequestInit = {},
): Promise<Answer> {
  const headers = new Headers({ authorization: `Bearer ${secrets.token}` });
  new Headers(init.headers).forEach((value, name) => headers.set(name, value));
  const response = await http.request(path, { ...init, headers });
  const text = await response.text();
  expectPrivate(response.headers, text);
  const isReport = text.startsWith('{"status"');
  const checks = isReport ? (JSON.parse(text) as { checks: readonly Check[] }).checks : [];
  return { status: response.status, headers: response.headers, text, checks };
}

/** What every answer must be, whatever is wrong. */
function expectPrivate(headers: Headers, text: string): void {
  expect(headers.get("cache-control")).toBe("private, no-store");
  expect(headers.get("vary")).toBe("Origin");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toBe("default-src 'none'");
  expect(headers.get("access-control-allow-origin")).toBeNull();
  const all = JSON.stringify([...headers]) + text;
  expect(all.toLowerCase()).not.toMatch(/stieglitz|postgres(?:ql)?:\/\/|stack|\.ts:/);
}

export function listFailed({ checks }: Answer): readonly string[] {
  return checks.filter(({ status }) => status === "failed").map(({ check }) => check);
}

/** Asks until the checks that failed are these, and fit: what was cut off needs a moment to be seen, and to come back. */
export async function waitForFailed(
  worker: WatchedWorker,
  names: readonly string[],
  fits: (answer: Answer) => boolean = () => true,
): Promise<Answer> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const answer = await ask(worker.openHttp());
    if (listFailed(answer).join() === names.join() && fits(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`Still: ${answer.text}`);
    await Bun.sleep(20);
  }
}
