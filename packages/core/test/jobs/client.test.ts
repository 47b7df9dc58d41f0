import { describe, expect, test } from "bun:test";

import {
  type Client,
  createClient,
  definePipeline,
  type EnqueueAnswer,
  type Pipeline,
} from "@leasehold/core";
import { createTestDatabase } from "@leasehold/core/testing";
import postgres from "postgres";
import { z } from "zod";

import { connectionOptions, type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import { thrownBy } from "../support/thrown-by.ts";

const server = useServer();
const setup = async (): Promise<Queue> => setupQueue(await server());

const essay = definePipeline({
  type: "essay",
  version: 1,
  input: z.object({ text: z.string(), title: z.string().optional() }),
  phases: [
    { name: "draft", output: z.unknown() },
    { name: "grade", output: z.unknown() },
  ],
  start: ({ title }) =>
    title === undefined
      ? { phase: "draft" }
      : { phase: "grade", skipped: { draft: { output: title, provenance: {} } } },
});

const anything: Pipeline = definePipeline({
  type: "anything",
  version: 1,
  input: z.unknown(),
  phases: [{ name: "run", output: z.unknown() }],
});

describe("enqueue", () => {
  test("stores a job that starts where the pipeline says", async () => {
    await using queue = await setup();

    const draft = await queue.client.enqueue(essay, { text: "Hi" });
    const grade = await queue.client.enqueue(essay, { text: "Hi", title: "A title" });

    expect(draft).toEqual({ outcome: "created", id: draft.id });
    expect(await queue.client.getJob(draft.id)).toMatchObject({ state: "queued", phase: "draft" });
    expect(await queue.client.getJob(grade.id)).toMatchObject({ state: "queued", phase: "grade" });
    expect(await queue.client.getResults(grade.id)).toEqual([
      { phase: "draft", output: "A title", provenance: {} },
    ]);
  });

  test("names every field that does not fit, without quoting it", async () => {
    await using queue = await setup();
    const input = { text: 7, title: ["a secret"] } as unknown as { text: string };

    const error = await thrownBy(queue.client.enqueue(essay, input));

    expect(error).toMatchObject({ code: "input_invalid", scope: "job", retryable: false });
    expect(String(error)).toContain("text: ");
    expect(String(error)).toContain("title: ");
    expect(String(error)).not.toContain("secret");
  });

  test("names the field that makes a payload too large, without quoting it", async () => {
    await using queue = await setup();
    const input = { text: "a".repeat(300_000), title: "short" };

    const error = await thrownBy(queue.client.enqueue(essay, input));

    expect(error).toMatchObject({ code: "payload_too_large", retryable: false });
    expect(String(error)).toContain('most of them in "text"');
    expect(String(error)).not.toContain("aaaa");
  });

  test("counts bytes, not characters", async () => {
    const { url } = await server();
    await using database = await createTestDatabase({ connection: url });
    await using client = createClient({ ...pick(database), payloadBytesMax: 100 });

    const fits = await thrownBy(client.enqueue(essay, { text: "a".repeat(80) }));
    const error = await thrownBy(client.enqueue(essay, { text: "ä".repeat(80) }));

    expect(fits).toBeUndefined();
    expect(error).toMatchObject({ code: "payload_too_large" });
  });

  test.each([
    ["priority", { priority: 10 }],
    ["priority", { priority: 1.5 }],
    ["delayMs", { delayMs: -1 }],
    ["delayMs", { delayMs: Number.NaN }],
    ["id", { id: "not a uuid" }],
    ["tenant", { tenant: "t".repeat(257) }],
    ["uniqueKey", { uniqueKey: "k".repeat(257) }],
    ["idempotencyKey", { idempotencyKey: "k".repeat(257) }],
  ])("refuses a wrong %s, and names it", async (name, options) => {
    await using queue = await setup();

    const error = await thrownBy(queue.client.enqueue(essay, { text: "Hi" }, options));

    expect(error).toMatchObject({ code: "input_invalid", retryable: false });
    expect(String(error)).toContain(name);
  });

  test.each([
    ["nothing", undefined],
    ["a bigint", 7n],
    ["no number", { grade: Number.NaN }],
    ["itself", makeCycle()],
  ])("refuses a payload that JSON cannot say: %s", async (_, input) => {
    await using queue = await setup();

    const error = await thrownBy(queue.client.enqueue(anything, input));

    expect(error).toMatchObject({ code: "input_invalid", retryable: false });
  });

  test.each([[null], [false], [0], [""], [[]], [{}]])("takes the payload %j", async (input) => {
    await using queue = await setup();

    const { id } = await queue.client.enqueue(anything, input);

    const [row] = await queue.query('select payload from :"schema".job where public_id = $1', id);
    expect(row).toEqual({ payload: input });
  });

  test("refuses a pipeline that starts at a phase it does not have", async () => {
    await using queue = await setup();
    const lost = definePipeline({ ...essay, start: () => ({ phase: "nowhere" }) });

    const error = await thrownBy(queue.client.enqueue(lost, { text: "Hi" }));

    expect(error).toMatchObject({ code: "config_invalid", scope: "config" });
  });

  test("says that migrate was forgotten", async () => {
    const { url } = await server();
    await using client = createClient({ connection: url, schema: "no_such_schema" });

    const error = await thrownBy(client.enqueue(essay, { text: "Hi" }));

    expect(error).toMatchObject({ code: "schema_outdated", scope: "config" });
    expect(String(error)).toContain("run migrate");
  });

  test("says that Postgres is away, and that another try may help", async () => {
    await using client = createClient({ connection: "postgres://nobody@127.0.0.1:1/nothing" });

    const error = await thrownBy(client.enqueue(essay, { text: "Hi" }));

    expect(error).toMatchObject({ code: "database_unavailable", retryable: true });
  });
});

describe("enqueueMany", () => {
  test.each([50, 4_500])("adds %d in one transaction and answers in order", async (length) => {
    await using queue = await setup();
    const inputs = Array.from({ length }, (_, index) => ({ text: String(index) }));

    const answers = await queue.client.enqueueMany(essay, inputs, { priority: 3 });

    const rows = await queue.query(
      `select payload ->> 'text' as text, priority from :"schema".job
       where public_id = any ((select $1::text::uuid[])::uuid[]) order by id`,
      `{${answers.map(({ id }) => id).join(",")}}`,
    );
    expect(rows).toEqual(inputs.map(({ text }) => ({ text, priority: 3 })));
    const [times] = await queue.query(
      'select count(distinct xmin::text)::int as ct from :"schema".job',
    );
    expect(times).toEqual({ ct: 1 });
  });

  test.each([1, 4_500])("adds none when the one after %d does not fit", async (length) => {
    await using queue = await setup();
    const good = Array.from({ length }, () => ({ text: "Hi" }));
    const inputs = [...good, { text: 7 as unknown as string }];

    const error = await thrownBy(queue.client.enqueueMany(essay, inputs));

    expect(error).toMatchObject({ code: "input_invalid" });
    expect(await queue.claim()).toEqual([]);
  });

  test("of nothing adds nothing", async () => {
    await using queue = await setup();

    expect(await queue.client.enqueueMany(essay, [])).toEqual([]);
  });
});

/** A driver of the host's own, in a transaction that `end` commits or rolls back. */
interface HostTransaction extends AsyncDisposable {
  readonly within: NonNullable<NonNullable<Parameters<Client["enqueue"]>[2]>["within"]>;
  end(how: "commit" | "rollback"): Promise<void>;
}

async function beginPostgres(url: string): Promise<HostTransaction> {
  const sql = postgres(url, { max: 1 });
  await sql.unsafe("begin");
  return {
    within: sql,
    end: async (how) => void (await sql.unsafe(how)),
    [Symbol.asyncDispose]: () => sql.end(),
  };
}

/** As `pg` has it: `query`, which answers an object with rows. */
async function beginPg(url: string): Promise<HostTransaction> {
  const host = await beginPostgres(url);
  const { within } = host;
  if (!("unsafe" in within)) throw new Error("This is no `postgres`.");
  return {
    ...host,
    within: {
      query: async (text, parameters) => ({ rows: await within.unsafe(text, parameters) }),
    },
  };
}

describe.each([
  ["postgres", beginPostgres],
  ["pg", beginPg],
])("within a transaction of %s", (_, begin) => {
  test("a job is there when the host commits, and not before", async () => {
    await using queue = await setup();
    await using host = await begin(queue.url);
    const { within } = host;

    const { id, outcome } = await queue.client.enqueue(essay, { text: "Hi" }, { within });

    expect(outcome).toBe("created");
    expect(await queue.client.getJob(id)).toBeUndefined();
    await host.end("commit");
    expect((await queue.client.getJob(id))?.state).toBe("queued");
  });

  test("a job is not there when the host rolls back", async () => {
    await using queue = await setup();
    await using host = await begin(queue.url);
    const { within } = host;
    const many = await queue.client.enqueueMany(essay, [{ text: "Hi" }], { within });

    await host.end("rollback");

    expect(await queue.client.getJob(many[0]?.id ?? "")).toBeUndefined();
    expect(await queue.claim()).toEqual([]);
  });

  test("an error is ours, and quotes nobody", async () => {
    await using queue = await setup();
    await using host = await begin(queue.url);
    await queue.query(
      'alter table :"schema".job add constraint no_essays check (type <> $$essay$$)',
    );

    const error = await thrownBy(
      queue.client.enqueue(essay, { text: "a secret" }, { within: host.within }),
    );

    expect(error).toMatchObject({ code: "statement_failed", adapterCode: "sqlstate_23514" });
    expect(`${String(error)} ${JSON.stringify(error)} ${Bun.inspect(error)}`).not.toContain(
      "secret",
    );
  });
});

test("sql.begin of postgres and of Bun fit as they are", async () => {
  await using queue = await setup();
  const { path, database, username } = connectionOptions(queue.url);
  const sql = postgres(queue.url, { max: 1 });
  const bun = new Bun.SQL({ adapter: "postgres", path, database, username, max: 1 });

  const first = await sql.begin((within) =>
    queue.client.enqueue(essay, { text: "Hi" }, { within }),
  );
  const second: EnqueueAnswer = await bun.begin((within) =>
    queue.client.enqueue(essay, { text: "Hi" }, { within }),
  );
  const failed = await thrownBy(
    bun.begin((within) =>
      queue.client.enqueue(
        essay,
        { text: "Hi" },
        { within: { unsafe: () => within`select 1 / 0` } },
      ),
    ),
  );
  await Promise.all([sql.end(), bun.end()]);

  expect((await queue.client.getJob(first.id))?.state).toBe("queued");
  expect((await queue.client.getJob(second.id))?.state).toBe("queued");
  expect(failed).toMatchObject({ code: "statement_failed", adapterCode: "sqlstate_22012" });
});

describe("waitForJob", () => {
  test("resolves when the job has ended, however it ended", async () => {
    await using queue = await setup();
    const { id } = await queue.client.enqueue(essay, { text: "Hi" });
    const waiting = queue.client.waitForJob(id, { pollIntervalMs: 5 });

    await queue.client.cancel(id);

    expect(await waiting).toMatchObject({ id, state: "cancelled" });
  });

  test("ends with the signal's reason", async () => {
    await using queue = await setup();
    const { id } = await queue.client.enqueue(essay, { text: "Hi" });
    const controller = new AbortController();
    const waiting = thrownBy(queue.client.waitForJob(id, { signal: controller.signal }));

    controller.abort(new Error("enough"));

    expect(await waiting).toEqual(new Error("enough"));
  });

  test.each(["00000000-0000-4000-8000-000000000000", "not a uuid"])(
    "says that there is no job %s",
    async (id) => {
      await using queue = await setup();

      const error = await thrownBy(queue.client.waitForJob(id));

      expect(error).toMatchObject({ code: "not_found" });
    },
  );
});

test("an id that is no uuid is the id of no job", async () => {
  await using queue = await setup();

  const answers = [
    await queue.client.getJob("x"),
    await queue.client.getResults("x"),
    await queue.client.cancel("x"),
    await queue.client.requeue("x"),
  ];

  expect(answers).toEqual([undefined, [], "not_found", "not_found"]);
});

test("a client works with the options of a host that reads numbers its own way", async () => {
  await using queue = await setup();
  const date = { to: 1184, from: [1184], serialize: String, parse: String };
  const options = {
    ...connectionOptions(queue.url),
    transform: postgres.camel,
    types: { bigint: postgres.BigInt, date },
    connection: { search_path: "pg_catalog" },
  } as unknown as postgres.Options<Record<string, never>>;
  await using client = createClient({ schema: queue.schema, connection: options });

  const { id } = await client.enqueue(essay, { text: "Hi" });

  expect((await client.getJob(id))?.createdAt).toBeInstanceOf(Date);
});

function pick({ connection, schema }: { connection: unknown; schema: string }): {
  connection: string;
  schema: string;
} {
  return { connection: String(connection), schema };
}

function makeCycle(): object {
  const cycle: { self?: object } = {};
  cycle.self = cycle;
  return cycle;
}
