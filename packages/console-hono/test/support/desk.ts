import { afterAll, setDefaultTimeout } from "bun:test";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { type Client, createClient } from "@leasehold/core";
import { createTestDatabase, type TestDatabase, type TestRow } from "@leasehold/core/testing";
import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";

import { type Bench, createBench } from "./bench.ts";

/** A lease that a test holds by hand. */
export interface Held {
  readonly jobId: string;
  readonly token: string;
}

/** A console over a real schema, and jobs in a queue that no other test knows. */
export interface Desk extends Bench {
  readonly client: Client;
  readonly database: TestDatabase;
  readonly queue: string;
  enqueue(job?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Claims the first job of this queue. */
  claim(): Promise<Held>;
  fail(held: Held, code?: string, message?: string): Promise<void>;
  /** Adds a job and fails it. */
  enqueueFailed(job?: Readonly<Record<string, unknown>>): Promise<string>;
  /** Calls a function of the schema. Objects are sent as JSON. */
  call(name: string, ...values: readonly unknown[]): Promise<readonly TestRow[]>;
}

/** Gives a test file one schema, made at the first call and dropped after its last test. */
export function useDesk(): () => Promise<Desk> {
  setDefaultTimeout(60_000);
  const stack = new AsyncDisposableStack();
  const open = async (): Promise<{ database: TestDatabase; client: Client }> => {
    const server = await startEmbeddedPostgres({
      dataDir: join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
      durability: "none",
    });
    stack.defer(() => server.stop());
    const name = `console_${crypto.randomUUID().replaceAll("-", "")}`;
    const connection = await server.createDatabase(name);
    stack.defer(() => server.dropDatabase(name));
    const database = stack.use(await createTestDatabase({ connection }));
    return { database, client: stack.use(createClient(database)) };
  };
  let opened: ReturnType<typeof open> | undefined;
  afterAll(() => stack.disposeAsync());
  return async () => createDesk(await (opened ??= open()));
}

function createDesk({ database, client }: { database: TestDatabase; client: Client }): Desk {
  const queue = `queue-${crypto.randomUUID().slice(0, 8)}`;
  const call: Desk["call"] = async (name, ...values) => {
    const isJson = (value: unknown): value is object => typeof value === "object" && value !== null;
    const places = values.map(
      (value, index) => `$${index + 1}${isJson(value) ? "::text::jsonb" : ""}`,
    );
    const text = `select * from :"schema".${name}(${places.join(", ")})`;
    const parameters = values.map((value) => (isJson(value) ? JSON.stringify(value) : value));
    return await database.query(text, parameters as string[]);
  };
  const enqueue: Desk["enqueue"] = async (job = {}) => {
    const whole = { type: "essay", version: 1, phase: "draft", queue, payload: {}, ...job };
    const [row] = await call("enqueue_jobs", [whole]);
    return String(row?.["id"]);
  };
  const claim = async (): Promise<Held> => {
    const lanes = await call("declare_lanes", queue, "essay", 1, "{draft,grade}");
    const token = crypto.randomUUID();
    const numbers = (name: string): string => `{${lanes.map((lane) => lane[name]).join(",")}}`;
    const [job] = await call(
      "claim_jobs_v2",
      "worker",
      token,
      numbers("lane_id"),
      numbers("solo_lane_id"),
      1,
      3_600_000,
    );
    if (job === undefined) throw new Error("No job is due.");
    return { jobId: String(job["job_id"]), token };
  };
  const fail: Desk["fail"] = async ({ jobId, token }, code = "output_invalid", message = "No.") =>
    void (await call("fail_job", jobId, token, code, message));
  return {
    ...createBench({ client }),
    client,
    database,
    queue,
    call,
    enqueue,
    claim,
    fail,
    async enqueueFailed(job) {
      const id = await enqueue({ ...job, priority: 0 });
      await fail(await claim());
      return id;
    },
  };
}
