import { expect, setDefaultTimeout, test } from "bun:test";

import { models } from "./support/fake-ollama.ts";
import {
  ask,
  healthPath,
  listFailed,
  type Scene,
  secrets,
  useScene,
  waitForFailed,
} from "./support/health/health-scene.ts";

setDefaultTimeout(120_000);

const scene = useScene();

interface Fault {
  readonly title: string;
  readonly stage: (scene: Scene) => Promise<void> | void;
  readonly mend: (scene: Scene) => Promise<void> | void;
  /** The checks that fail, in their order, and what is said of one of them. */
  readonly fails: readonly string[];
  readonly tells: readonly [check: string, detail: RegExp];
}

/** A fault that is a statement, and so is its mending. */
function sql(
  title: string,
  [stage, mend]: readonly [stage: string, mend: string],
  seen: Pick<Fault, "fails" | "tells">,
): Fault {
  return { title, stage: ({ run }) => run(stage), mend: ({ run }) => run(mend), ...seen };
}

const closeSessions =
  "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'";
const reply = (body: object): object => ({
  kind: "reply",
  status: 200,
  contentType: "application/json",
  body: JSON.stringify(body),
});

const databaseFaults: readonly Fault[] = [
  {
    title: "Postgres that is gone",
    stage({ proxy }) {
      proxy.setMode("refuse");
      proxy.cutAll();
    },
    mend: ({ proxy }) => proxy.setMode("pass"),
    fails: ["db_role", "database"],
    tells: ["db_role", /^database_unavailable$/],
  },
  {
    title: "Postgres that is frozen",
    stage: ({ proxy }) => proxy.setMode("black-hole"),
    mend({ proxy }) {
      proxy.setMode("pass");
      proxy.cutAll();
    },
    fails: ["db_role", "database"],
    tells: ["database", /^Postgres did not answer \w+ within \d+ ms\.$/],
  },
  {
    title: "Postgres without a connection to spare",
    stage: ({ run }) => run(`alter role app connection limit 0; ${closeSessions}`),
    mend: ({ run }) => run("alter role app connection limit -1"),
    fails: ["db_role", "database"],
    tells: ["database", /SQLSTATE 53300/],
  },
  {
    title: "Postgres that takes no writes",
    async stage({ run, database: { name } }) {
      await run(`alter database ${name} set default_transaction_read_only = on`);
      await run(closeSessions);
    },
    async mend({ run, database: { name } }) {
      await run(
        `set default_transaction_read_only = off; alter database ${name} reset default_transaction_read_only`,
      );
      await run(closeSessions);
    },
    fails: ["writes"],
    tells: ["writes", /^The server takes no writes/],
  },
  sql(
    "two grants that were revoked",
    [
      "revoke execute on function leasehold.save_part, leasehold.renew_leases_v2 from gustav_worker",
      "grant execute on function leasehold.save_part, leasehold.renew_leases_v2 to gustav_worker",
    ],
    {
      fails: ["db_role", "grants"],
      tells: ["grants", /may not call renew_leases_v2, save_part\./],
    },
  ),
  sql(
    "a login without its role",
    [
      "revoke gustav_worker from app; grant gustav_limited to app",
      "grant gustav_worker to app; revoke gustav_limited from app",
    ],
    {
      fails: ["db_role", "grants"],
      tells: ["grants", /^The login app may not call .*claim_jobs_v2/],
    },
  ),
  sql(
    "a login that may not even ask",
    ["revoke gustav_worker from app", "grant gustav_worker to app"],
    { fails: ["db_role", "grants"], tells: ["db_role", /^grant_missing$/] },
  ),
  sql(
    "a schema that is too old",
    [
      "create table kept as select * from leasehold.schema_migration where version > 1; delete from leasehold.schema_migration where version > 1",
      "insert into leasehold.schema_migration select * from kept; drop table kept",
    ],
    { fails: ["schema"], tells: ["schema", /core is at 1, needed is \d+, learning is at 1/] },
  ),
  sql(
    "row security that hides the queue",
    [
      "alter table leasehold.ready enable row level security, force row level security",
      "alter table leasehold.ready disable row level security, no force row level security",
    ],
    { fails: ["row_security", "plan"], tells: ["row_security", /^Row security hides ready from/] },
  ),
  sql(
    "an index that is gone",
    [
      "alter index leasehold.ready_claim rename to lost",
      "alter index leasehold.lost rename to ready_claim",
    ],
    { fails: ["plan"], tells: ["plan", /ready_claim/] },
  ),
  sql(
    "a clock that went back",
    [
      "update leasehold.clock_mark set seen_at = clock_timestamp() + interval '1 hour'",
      "update leasehold.clock_mark set seen_at = clock_timestamp()",
    ],
    { fails: ["clock"], tells: ["clock", /^The database's clock went back by 3\d\d\d s/] },
  ),
  sql(
    "no worker that lives",
    [
      "update leasehold.worker set seen_at = seen_at - interval '1 hour'",
      "update leasehold.worker set seen_at = clock_timestamp()",
    ],
    { fails: ["workers"], tells: ["workers", /^No worker is there\./] },
  ),
  sql(
    "a breaker that is open",
    [
      "select leasehold.open_breaker(r.name, null, 'model_missing') from leasehold.resource as r",
      "select leasehold.close_breaker(r.name) from leasehold.resource as r",
    ],
    { fails: ["resources"], tells: ["resources", /judge:8b \(model_missing\)/] },
  ),
  sql(
    "a model that gives nobody any points",
    [
      `insert into leasehold.learning_score (model, program, version, hash, scored_at, shape)
     select 'judge:8b', 'analyse', '3', 'abcdef0123', clock_timestamp(), 'all_zero' from generate_series(1, 20)`,
      "delete from leasehold.learning_score",
    ],
    {
      fails: ["score_watch"],
      tells: ["score_watch", /^all_zero: model judge:8b, program analyse 3 \(abcdef01\)$/],
    },
  ),
  {
    title: "a backlog beyond its limit",
    async stage({ run, store }) {
      await run("select leasehold.pause('queue', 'learning', 'a rehearsal')");
      await store.submit({
        studentSub: "ada",
        content: { kind: "text", text: `${secrets.essay}: Der Bach rauscht.` },
      });
      await run("update leasehold.ready set due_at = due_at - interval '15 minutes 1 second'");
    },
    mend: ({ run }) =>
      run(`select leasehold.cancel_job(j.public_id) from leasehold.job as j;
        select leasehold.resume('queue', 'learning')`),
    fails: ["queue_lag"],
    tells: ["queue_lag", /^oldest_due_seconds=90\d limit=900$/],
  },
];

const modelFaults: readonly Fault[] = [
  {
    title: "a model server that is down",
    stage: ({ relay }) => relay.close(),
    mend: ({ relay }) => relay.open(),
    fails: ["model_server"],
    tells: ["model_server", /^Ollama \(127\.0\.0\.1:\d+\): /],
  },
  {
    title: "a model server that says nothing",
    stage: ({ act }) => void (act.script = () => ({ kind: "silence" })),
    mend: ({ act }) => void (act.script = undefined),
    fails: ["model"],
    tells: ["model", /^The model server does not answer\.$/],
  },
  {
    title: "a model that is missing",
    stage: ({ act }) =>
      void (act.script = ({ kind }) =>
        kind === "tags" ? reply({ models: [tag(models.vision)] }) : undefined),
    mend: ({ act }) => void (act.script = undefined),
    fails: ["model_missing"],
    tells: ["model_missing", /judge:8b/],
  },
  {
    title: "a model on the processor although a GPU is expected",
    stage: ({ act }) =>
      void (act.script = ({ kind }) =>
        kind === "ps" ? reply({ models: [held(models.feedback)] }) : undefined),
    mend: ({ act }) => void (act.script = undefined),
    fails: ["model_gpu"],
    tells: ["model_gpu", /judge:8b runs on the processor, and a GPU is expected/],
  },
];

function tag(name: string): object {
  return { name, model: name, size: 100, digest: "a".repeat(64), details: {} };
}

function held(name: string): object {
  return { ...tag(name), size_vram: 0, context_length: 131_072 };
}

test.each([...databaseFaults, ...modelFaults])("$title: $fails", async (fault) => {
  const staged = await scene();
  const { worker } = staged;
  const before = await waitForFailed(worker, []);
  await fault.stage(staged);
  try {
    const [name, detail] = fault.tells;
    const answer = await waitForFailed(worker, fault.fails, ({ checks }) =>
      checks.some((each) => each.check === name && detail.test(each.detail ?? "")),
    );
    const [ready, alive] = await Promise.all(
      ["/readyz", "/livez"].map((path) => ask(worker.openHttp(), path)),
    );

    expect([before.status, answer.status]).toEqual([200, 503]);
    expect(answer.headers.get("content-type")).toBe("application/json");
    // Whatever it needs is away, the worker itself neither leaves the service nor wants a restart.
    expect([ready?.status, alive?.status]).toEqual([200, 200]);
  } finally {
    await fault.mend(staged);
  }
});

test("an idle queue is not a hidden one: nothing is due, and that is well", async () => {
  const { worker } = await scene();

  const { checks, text } = await waitForFailed(worker, []);

  expect(checks).toContainEqual({
    check: "queue_visibility",
    status: "ok",
    detail: "visible_jobs=0",
  });
  expect(checks).toContainEqual({ check: "row_security", status: "ok", detail: null });
  expect(JSON.parse(text)).toMatchObject({ status: "healthy", currentRole: "app" });
});

test.each([
  ["starting", async () => undefined],
  ["stopped", async (worker: { stop(): Promise<void> }) => await worker.stop()],
] as const)("a worker that is %s is alive, not ready and not well", async (state, bring) => {
  const { openWorker } = await scene();
  await using worker = await openWorker();
  await bring(worker);

  const report = await waitForFailed(worker, ["worker"]);
  const ready = await ask(worker.openHttp(), "/readyz");
  const alive = await ask(worker.openHttp(), "/livez");

  expect(report.checks).toContainEqual({ check: "worker", status: "failed", detail: state });
  expect([report.status, ready.status, alive.status]).toEqual([503, 503, 200]);
  expect(ready.text).toBe("unavailable");
});

test.each([
  ["no token", {}],
  ["a wrong token", { authorization: "Bearer no-token-of-ours-at-all" }],
  ["a token that is nearly right", { authorization: `Bearer ${secrets.token}x` }],
  ["another scheme", { authorization: `Basic ${secrets.token}` }],
] as const)("%s: 401, and nothing is looked at", async (_, headers) => {
  const { worker } = await scene();
  const given = { authorization: "", ...headers };

  const answers = [
    await ask(worker.openHttp(), healthPath, { headers: given }),
    await ask(worker.openHttp(), `${healthPath}?deep=1`, { headers: given }),
  ];

  for (const answer of answers) {
    expect([answer.status, answer.text]).toEqual([401, '{"error":"unauthenticated"}']);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
  }
});

test("a Postgres that is only slow is no failure", async () => {
  const { worker, proxy } = await scene();
  await waitForFailed(worker, []);
  proxy.setMode("slow");
  try {
    const answer = await ask(worker.openHttp());

    expect([answer.status, listFailed(answer)]).toEqual([200, []]);
  } finally {
    proxy.setMode("pass");
  }
});

test("deep probe: a server that lists its models and cannot run them", async () => {
  const { worker, act } = await scene();
  act.script = ({ kind }) =>
    kind === "chat"
      ? {
          kind: "reply",
          status: 500,
          contentType: "application/json",
          body: JSON.stringify({ error: `runner died at ${secrets.essay}` }),
        }
      : undefined;
  try {
    const plain = await waitForFailed(worker, []);
    const deep = await ask(worker.openHttp(), `${healthPath}?deep=1`);

    expect(plain.status).toBe(200);
    expect(deep.status).toBe(503);
    expect(listFailed(deep)).toEqual(["model_answers", "model_answers"]);
    expect(deep.checks.at(-1)?.detail).toMatch(/judge:8b could not answer \(backend_failed\)\.$/);
  } finally {
    act.script = undefined;
  }
});
