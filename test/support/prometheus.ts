import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

import { z } from "zod";

import { type DebianProgram, findDebianProgram } from "./debian-program.ts";
import { createTemporaryDirectory } from "./temporary-directory.ts";

/** One series of an answer, now. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A rule as Prometheus has read it. */
export interface LoadedRule {
  readonly name: string;
  readonly health: string;
  readonly state: string | undefined;
}

/** A Prometheus of its own, in a folder of its own. */
export interface Prometheus extends AsyncDisposable {
  /** What an expression has now. Throws when it cannot be read. */
  query(this: void, expression: string): Promise<readonly Sample[]>;
  rules(this: void): Promise<readonly LoadedRule[]>;
}

export interface PrometheusOptions {
  /** Where it scrapes, as `host:port`, every second. */
  readonly targets: readonly string[];
  readonly rulesPath: string;
}

/** The machine's own, or Debian's; undefined where there is neither. */
export async function findPrometheus(
  name: "prometheus" | "promtool",
): Promise<DebianProgram | undefined> {
  return await findDebianProgram({ name, path: `usr/bin/${name}`, packages: ["prometheus"] });
}

const vectorAnswer = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});

const rulesAnswer = z.object({
  data: z.object({
    groups: z.array(
      z.object({
        rules: z.array(
          z.object({ name: z.string(), health: z.string(), state: z.string().optional() }),
        ),
      }),
    ),
  }),
});

/** Starts one that scrapes and evaluates every second. */
export async function startPrometheus(
  program: DebianProgram,
  { targets, rulesPath }: PrometheusOptions,
): Promise<Prometheus> {
  // JSON is YAML, too.
  const config = JSON.stringify({
    global: { scrape_interval: "1s", evaluation_interval: "1s" },
    rule_files: [rulesPath],
    scrape_configs: [{ job_name: "leasehold", static_configs: [{ targets }] }],
  });
  const folder = await createTemporaryDirectory({ "prometheus.yaml": config });
  const port = await findFreePort();
  const child = spawn(
    program.path,
    [
      `--config.file=${join(folder.path, "prometheus.yaml")}`,
      `--storage.tsdb.path=${join(folder.path, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { cwd: folder.path, env: {}, stdio: ["ignore", "ignore", "pipe"] },
  );
  const origin = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
    await folder[Symbol.asyncDispose]();
  };
  await untilItAnswers(child, origin).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    async query(expression) {
      const body = new URLSearchParams({ query: expression });
      const response = await fetch(`${origin}/api/v1/query`, { method: "POST", body });
      const text = await response.text();
      if (!response.ok) throw new Error(`${expression}: ${text}`);
      const { data } = vectorAnswer.parse(JSON.parse(text));
      return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    async rules() {
      const response = await fetch(`${origin}/api/v1/rules`);
      const { data } = rulesAnswer.parse(await response.json());
      return data.groups.flatMap(({ rules }) =>
        rules.map(({ name, health, state }) => ({ name, health, state })),
      );
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("No port was given.");
  return address.port;
}

async function untilItAnswers(child: ChildProcess, origin: string): Promise<void> {
  let words = "";
  child.stderr?.on("data", (bytes: Buffer) => {
    words = (words + bytes.toString("utf8")).slice(-2_000);
  });
  const over = performance.now() + 30_000;
  while (!(await fetch(`${origin}/-/ready`).catch(() => undefined))?.ok) {
    if (child.exitCode !== null || performance.now() > over) {
      throw new Error(`Prometheus did not start: ${words}`);
    }
    await Bun.sleep(50);
  }
}
