import { describe, expect, test } from "bun:test";
import { chmod } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { type ComposeVariables, findAt, readDeployed } from "./support/deploy/compose-files.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";

const deploy = join(import.meta.dirname, "../deploy");
const rocm = ["compose.yaml"];
const cpu = [...rocm, "compose.cpu.yaml"];
const cuda = [...rocm, "compose.cuda.yaml"];
const variants: readonly (readonly string[])[] = [rocm, cpu, cuda].flatMap((files) => [
  files,
  [...files, "compose.loopback.yaml"],
]);

interface Demand {
  /** What the runbook says, or what a careful operator expects. */
  readonly demand: string;
  readonly files?: readonly string[];
  readonly variables?: ComposeVariables;
  readonly at: string;
  /** Undefined: nothing must stand there. */
  readonly is: unknown;
}

const demands: readonly Demand[] = [
  // The runbook's commands.
  {
    demand: "`up --build` builds the worker",
    at: "worker.build.dockerfile",
    is: "deploy/Dockerfile",
  },
  { demand: "`up` starts it again by itself", at: "worker.restart", is: "unless-stopped" },
  { demand: "the stub is the default", at: "worker.environment.AI_BACKEND", is: undefined },
  {
    demand: "`.env` switches to local models",
    variables: { AI_BACKEND: "local" },
    at: "worker.environment.AI_BACKEND",
    is: "local",
  },
  {
    demand: "Ollama is a service with its internal port",
    at: "worker.environment.OLLAMA_BASE_URL",
    is: "http://ollama:11434",
  },
  ...["AI_VISION_MODEL", "AI_FEEDBACK_MODEL"].flatMap((name) =>
    ["worker", "ollama", "models"].map((service) => ({
      demand: `\`.env\` names the model of ${service}`,
      variables: { [name]: "some:7b" },
      at: `${service}.environment.${name}`,
      is: "some:7b",
    })),
  ),
  {
    demand: "a health check inside asks `ollama list`",
    at: "ollama.healthcheck.test",
    is: ["CMD", "/bin/sh", "/deploy/has-models.sh"],
  },
  // Credentials.
  {
    demand: "the worker has a login of its own",
    at: "worker.environment.LEARNING_DATABASE_URL_FILE",
    is: "/run/secrets/worker_database_url",
  },
  {
    demand: "the worker gets no administrator's URL",
    at: "worker.secrets",
    is: ["worker_database_url", "operator_token", "console_tokens"],
  },
  {
    demand: "no secret stands in the environment",
    at: "worker.environment.DATABASE_URL",
    is: undefined,
  },
  // AMD cards.
  { demand: "the ROCm build of Ollama", at: "ollama.image", is: "ollama/ollama:rocm" },
  {
    demand: "both devices",
    at: "ollama.devices",
    is: ["/dev/kfd:/dev/kfd", "/dev/dri:/dev/dri"],
  },
  {
    demand: "the groups video and render, by the machine's numbers",
    variables: { VIDEO_GID: "44", RENDER_GID: "992" },
    at: "ollama.group_add",
    is: ["44", "992"],
  },
  ...["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION"].flatMap((name) => [
    { demand: `no ${name} where none is set`, at: `ollama.environment.${name}`, is: undefined },
    {
      demand: `${name} where one is set`,
      variables: { [name]: "1" },
      at: `ollama.environment.${name}`,
      is: "1",
    },
  ]),
  // Other machines.
  { demand: "no AMD devices without a card", files: cpu, at: "ollama.devices", is: undefined },
  { demand: "no groups without a card", files: cpu, at: "ollama.group_add", is: undefined },
  {
    demand: "the plain build without a card",
    files: cpu,
    at: "ollama.image",
    is: "ollama/ollama:latest",
  },
  { demand: "the same build pulls", files: cpu, at: "models.image", is: "ollama/ollama:latest" },
  { demand: "no AMD devices for CUDA", files: cuda, at: "ollama.devices", is: undefined },
  { demand: "no groups for CUDA", files: cuda, at: "ollama.group_add", is: undefined },
  {
    demand: "CUDA's devices are reserved",
    files: cuda,
    at: "ollama.deploy.resources.reservations.devices",
    is: [{ driver: "nvidia", count: "all", capabilities: ["gpu"] }],
  },
  // Nothing leaves.
  { demand: "no model of somebody else's", at: "ollama.environment.OLLAMA_NO_CLOUD", is: "1" },
  { demand: "the worker reaches no other network", at: "worker.networks", is: ["inside"] },
  {
    demand: "the worker reads uploads only",
    at: "worker.volumes",
    is: ["uploads:/var/lib/leasehold/uploads:ro"],
  },
  // Order.
  {
    demand: "the database is migrated before the worker starts",
    at: "worker.depends_on",
    is: { migrate: { condition: "service_completed_successfully" } },
  },
  {
    demand: "it is migrated as an administrator, with roles",
    at: "migrate.command",
    is: ["migrate", "--roles"],
  },
  { demand: "models are pulled once", at: "models.restart", is: "no" },
];

describe("compose", () => {
  test.each(demands)("$demand: $at", ({ files = rocm, variables = {}, at, is }) => {
    const merged = readDeployed(files, variables);

    const found = findAt(merged, ["services", ...at.split(".")]);

    expect(found).toEqual(is as never);
  });

  test.each(variants.map((files) => [files.join(" "), files] as const))(
    "%s publishes nothing but on loopback",
    (_, files) => {
      const services = Object.entries(findAt(readDeployed(files), ["services"]) ?? {});

      const ports = services.flatMap(([, service]) => findAt(service, ["ports"]) ?? []);
      const open = services.filter(
        ([, service]) =>
          findAt(service, ["network_mode"]) !== undefined ||
          findAt(service, ["privileged"]) !== undefined,
      );

      expect(ports).toHaveLength(files.includes("compose.loopback.yaml") ? 2 : 0);
      expect(ports.filter((port) => !isOnLoopback(port))).toEqual([]);
      expect(open).toEqual([]);
    },
  );

  test("the network of learners' work leads nowhere else", () => {
    const merged = readDeployed(rocm);

    expect(findAt(merged, ["networks", "inside"])).toEqual({ internal: true });
  });

  test.each(["worker", "migrate", "models"])("%s may change nothing and become nobody", (name) => {
    const service = findAt(readDeployed(rocm), ["services", name]) ?? null;

    expect(findAt(service, ["read_only"])).toBe(true);
    expect(findAt(service, ["cap_drop"])).toEqual(["ALL"]);
    expect(findAt(service, ["security_opt"])).toEqual(["no-new-privileges:true"]);
  });

  test("a stopped worker has its grace before it is killed", () => {
    const worker = findAt(readDeployed(rocm), ["services", "worker"]) ?? null;

    const grace = Number(findAt(worker, ["environment", "WORKER_GRACE_SECONDS"]));
    const patience = Number(/^(\d+)s$/.exec(toText(findAt(worker, ["stop_grace_period"])))?.[1]);

    expect(patience).toBeGreaterThanOrEqual(grace + 10);
  });

  test("the worker reads every variable that it is given", async () => {
    // The table is made from the code; a secret may also be given as a file.
    const table = await Bun.file(join(deploy, "../docs/operations.md")).text();
    const names = new Set(
      [...table.matchAll(/^\| `([A-Z_]+)`/gm)].flatMap(([, name = ""]) => [name, `${name}_FILE`]),
    );
    const all = Object.fromEntries([...names].map((name) => [name, "1"]));
    const services = ["worker", "migrate"].map(
      (name) => findAt(readDeployed(rocm, all), ["services", name, "environment"]) ?? {},
    );

    const unknown = services.flatMap((environment) =>
      Object.keys(environment).filter((name) => !names.has(name)),
    );

    expect(names.size).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  });

  test("every secret that is used is made by the script, and none is in the repository", async () => {
    const merged = readDeployed(rocm);
    const script = await Bun.file(join(deploy, "prepare.sh")).text();

    const services = Object.values(findAt(merged, ["services"]) ?? {});
    const used = new Set(services.flatMap((service) => findAt(service, ["secrets"]) ?? []));
    const declared = Object.keys(findAt(merged, ["secrets"]) ?? {});
    const made = [...script.matchAll(/^keep (\w+) /gm)].map(([, name]) => name);

    expect([...used].map(String).toSorted()).toEqual(declared.toSorted());
    expect(made.map(String).toSorted()).toEqual(declared.toSorted());
    expect(await Bun.file(join(deploy, "../.gitignore")).text()).toContain("\n.secrets/\n");
  });

  test("without the groups' numbers nothing starts", () => {
    const read = (): unknown => readDeployed(rocm, { RENDER_GID: "" });

    expect(read).toThrow("RENDER_GID is required: run deploy/prepare.sh");
  });

  test("the example sets no variable that no service is given", async () => {
    const text = await Bun.file(join(deploy, "env.example")).text();
    const compose = await Bun.file(join(deploy, "compose.yaml")).text();

    const named = [...text.matchAll(/^(?:# )?([A-Z_]+)=/gm)].map(([, name = ""]) => name);
    const unused = named.filter(
      (name) => !new RegExp(`^ +${name}:$|\\$\\{${name}\\b`, "m").test(compose),
    );

    expect(named.length).toBeGreaterThan(8);
    expect(unused).toEqual([]);
  });
});

function isOnLoopback(port: unknown): boolean {
  return toText(port).startsWith("127.0.0.1:");
}

function toText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Runs a script of Ollama's container with an `ollama` that says what it is told, and writes down its arguments. */
async function runWithOllama(
  script: string,
  options: { readonly list: string; readonly variables: ComposeVariables },
): Promise<{ readonly exitCode: number; readonly calls: readonly string[] }> {
  await using directory = await createTemporaryDirectory({
    ollama: '#!/bin/sh\necho "$@" >>"$CALLS"\n[ "$1" != list ] || printf "%s" "$LIST"\n',
    calls: "",
  });
  await chmod(join(directory.path, "ollama"), 0o755);
  const child = Bun.spawn(["/bin/sh", join(deploy, "ollama", script)], {
    env: {
      PATH: [directory.path, process.env["PATH"]].join(delimiter),
      CALLS: join(directory.path, "calls"),
      LIST: options.list,
      ...options.variables,
    },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const exitCode = await child.exited;
  const calls = await Bun.file(join(directory.path, "calls")).text();
  return { exitCode, calls: calls.trim().split("\n") };
}

describe("the health check of Ollama", () => {
  const list = [
    "NAME                    ID              SIZE      MODIFIED",
    "qwen2.5vl:7b            5ced39dfa4ba    6.0 GB    2 days ago",
    "gemma3:latest\tcccc\t3.3 GB\tnow",
    "registry:5000/a:latest  bbbb            1 GB      now",
  ].join("\n");

  test.each([
    ["both are there", { AI_VISION_MODEL: "qwen2.5vl:7b", AI_FEEDBACK_MODEL: "gemma3" }, 0],
    ["a registry has a port", { AI_VISION_MODEL: "registry:5000/a" }, 0],
    ["nobody named any", {}, 0],
    ["one is missing", { AI_VISION_MODEL: "qwen2.5vl:7b", AI_FEEDBACK_MODEL: "qwen3:8b" }, 1],
    ["only another tag is there", { AI_VISION_MODEL: "gemma3:4b" }, 1],
    ["a name is the end of another", { AI_VISION_MODEL: "5vl:7b" }, 1],
    ["a name would be a pattern", { AI_VISION_MODEL: "gemma?" }, 1],
  ])("says so when %s", async (_, variables, expected) => {
    const { exitCode } = await runWithOllama("has-models.sh", { list, variables });

    expect(exitCode).toBe(expected);
  });

  test("pulls what the environment names", async () => {
    const variables = { AI_VISION_MODEL: "a:7b", AI_FEEDBACK_MODEL: "b" };

    const { exitCode, calls } = await runWithOllama("pull-models.sh", { list, variables });

    expect({ exitCode, calls }).toEqual({ exitCode: 0, calls: ["list", "pull a:7b", "pull b"] });
  });
});
