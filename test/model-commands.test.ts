import { expect, setDefaultTimeout, test } from "bun:test";

import {
  type FakeOllama,
  type FakeOllamaOptions,
  models,
  startFakeOllama,
} from "./support/fake-ollama.ts";
import {
  type Bench,
  type Home,
  setupHome,
  useCluster,
  type Variables,
} from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const cluster = useCluster();

function variablesFor(servers: readonly FakeOllama[]): Variables {
  return {
    AI_BACKEND: "local",
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
    OLLAMA_BASE_URL: servers.map(({ url }) => url).join(", "),
  };
}

interface ModelHome extends Home {
  readonly server: FakeOllama;
  ask(...args: readonly string[]): ReturnType<Home["run"]>;
}

async function setup(options: FakeOllamaOptions = {}): Promise<ModelHome> {
  const server = await startFakeOllama(options);
  const home = await setupHome();
  return {
    ...home,
    server,
    ask: (...args) => home.run(["models", ...args], variablesFor([server])),
    async [Symbol.asyncDispose]() {
      await home[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const success = {
  kind: "stream",
  pieces: [],
  lines: [
    '{"status":"pulling manifest"}',
    '{"status":"pulling a","digest":"a","total":1000,"completed":500}',
    '{"status":"pulling a","digest":"a","total":1000,"completed":1000}',
    '{"status":"success"}',
  ],
  end: "close",
};

test("warm loads what the configuration names, list shows it, and unload makes room again", async () => {
  await using home = await setup({ gpuShare: 1 });

  const warm = await home.ask("warm");
  const list = await home.ask("list", "--json");
  const table = await home.ask("list");
  const unload = await home.ask("unload", "--json");
  const after = await home.ask("list", "--json");

  expect([warm, list, table, unload, after].map(({ exitCode }) => exitCode)).toEqual([
    0, 0, 0, 0, 0,
  ]);
  expect(warm.stdout).toMatch(/page-reader:2b done, \d+ ms\n.*judge:8b done, \d+ ms\n$/);
  const loadedIn = ({ stdout }: { readonly stdout: string }): readonly object[] =>
    (JSON.parse(stdout) as readonly { readonly loaded?: object }[]).filter(
      ({ loaded }) => loaded !== undefined,
    );
  expect(loadedIn(list)).toMatchObject([
    { model: models.vision, uses: ["vision"], loaded: { contextLength: 8_192 } },
    { model: models.feedback, uses: ["feedback"], loaded: { contextLength: 16_384 } },
  ]);
  expect(table.stdout).toContain("GPU, window 8192");
  expect(JSON.parse(unload.stdout)).toMatchObject([
    { model: models.vision },
    { model: models.feedback },
  ]);
  expect(loadedIn(after)).toEqual([]);
});

test("pull fetches what is named, and says how far it is where nobody looks on", async () => {
  await using home = await setup({ script: ({ kind }) => (kind === "pull" ? success : undefined) });

  const pull = await home.ask("pull", "new:1b", "--json");

  expect(pull.exitCode).toBe(0);
  expect(JSON.parse(pull.stdout)).toMatchObject([{ model: "new:1b" }]);
  expect(pull.stderr).toContain("new:1b: 50 %\n");
  expect(pull.stderr).toContain("new:1b: 100 %\n");
});

test("pull says in our words why it failed", async () => {
  await using home = await setup();

  const pull = await home.ask("pull", "new:1b");

  expect(pull.exitCode).toBe(1);
  expect(pull.stderr).toContain("/new:1b): the server does not reach its registry");
  expect(pull.stdout).toBe("");
});

test("a model that cannot read pages is not loaded for it", async () => {
  await using home = await setup();

  const warm = await home.run(["models", "warm"], {
    ...variablesFor([home.server]),
    AI_VISION_MODEL: "tiny",
  });

  expect(warm.exitCode).toBe(2);
  expect(warm.stderr).toContain("the model does not read pictures; name one that does.");
});

test("are not there without Ollama, which is said", async () => {
  await using home = await setupHome();

  const list = await home.run(["models", "list"]);

  expect(list.exitCode).toBe(2);
  expect(list.stderr).toContain("AI_BACKEND=local");
});

interface Found {
  readonly check: string;
  readonly status: string;
  readonly message: string;
}

async function examine(bench: Bench, variables: Variables): Promise<readonly Found[]> {
  const { stdout } = await bench.run(["doctor", "--json"], variables);
  return JSON.parse(stdout) as readonly Found[];
}

const ill = (found: readonly Found[]): readonly string[] =>
  found
    .filter(({ check, status }) => check.startsWith("model_") && status !== "ok")
    .map(({ check, status }) => `${status} ${check}`);

test("doctor finds what is wrong with models, server by server, and with the environment", async () => {
  await using well = await startFakeOllama();
  await using old = await startFakeOllama({ version: "0.30.0" });
  await using bench = await cluster.setup();
  const both = variablesFor([well, old]);

  const found = {
    well: ill(await examine(bench, variablesFor([well]))),
    "an old one beside it": ill(await examine(bench, both)),
    "a model that is missing": ill(
      await examine(bench, { ...variablesFor([well]), AI_FEEDBACK_MODEL: "never-pulled:70b" }),
    ),
    "a model without eyes": ill(
      await examine(bench, { ...variablesFor([well]), AI_VISION_MODEL: "tiny" }),
    ),
    "a server that is away": ill(
      await examine(bench, { ...both, OLLAMA_BASE_URL: "http://127.0.0.1:1" }),
    ),
  };
  await bench.run(["models", "warm"], variablesFor([well]));
  const gpu = await examine(bench, {
    ...variablesFor([well]),
    LEASEHOLD_EXPECT_GPU: "on",
    HSA_OVERRIDE_GFX_VERSION: "",
  });

  expect(found).toEqual({
    well: [],
    "an old one beside it": ["fail model_version"],
    "a model that is missing": ["fail model_missing"],
    "a model without eyes": ["fail model_vision", "warn model_context"],
    "a server that is away": ["fail model_server"],
  });
  expect(ill(gpu)).toEqual(["fail model_gpu", "fail model_gpu"]);
  expect(gpu).toContainEqual({
    check: "environment",
    status: "warn",
    message:
      "HSA_OVERRIDE_GFX_VERSION is set and empty: an Ollama that is started with it finds no AMD GPU. Unset it.",
  });
});
