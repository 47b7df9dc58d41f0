import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { type CommandResult, runCommand } from "../../../scripts/run-command.ts";
import { patienceMs } from "../spawned-program.ts";
import { createTemporaryDirectory } from "../temporary-directory.ts";
import { root } from "../worker-bench.ts";

/** llama.cpp's own server, as Debian has it, unpacked in a folder of ours. */
export interface LlamaPackage extends AsyncDisposable {
  readonly folder: string;
}

/** A server that speaks chat completions, with a tiny model that was made on the spot. */
export interface LlamaServer extends AsyncDisposable {
  /** Ends in `/v1`. */
  readonly url: string;
}

interface TinyModelModule {
  writeTinyModel(
    this: void,
    path: string,
    options: { readonly name: string; readonly seed: number; readonly contextTokens: number },
  ): Promise<void>;
}

/** The suite that has it, and all that the program needs: it runs with that suite's own C library. */
const suite = "sid";
const packages = [
  "llama.cpp-tools",
  "libllama0",
  "libggml0",
  "libc6",
  "libgcc-s1",
  "libstdc++6",
  "libssl3t64",
  "libgomp1",
  "libzstd1",
  "zlib1g",
] as const;
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** The largest window that the worker asks for. */
const contextTokens = 16_384;
const fetchMsMax = 120_000;

/**
 * Unpacks the server from the mirror that this machine uses already, and leaves the machine's own packages alone: about
 * 13 MB come down. Answers why that cannot be, if so; the suite changes daily.
 */
export async function fetchLlamaServer(): Promise<LlamaPackage | string> {
  if (process.platform !== "linux" || process.arch !== "x64") return "it is for linux-x64 here";
  const mirror = await findMirror();
  if (mirror === undefined) return "this machine names no Debian mirror";
  const folder = await createTemporaryDirectory();
  const problem = await unpack(folder.path, mirror);
  if (problem === undefined) {
    return { folder: folder.path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
  }
  await folder[Symbol.asyncDispose]();
  return problem;
}

/** Makes a tiny model and serves it under a name. It reads no pictures. */
export async function startLlamaServer(
  { folder }: LlamaPackage,
  model: string,
): Promise<LlamaServer> {
  const weights = join(folder, "tiny.gguf");
  // By its path: it belongs to a workspace of its own, with a lockfile of its own.
  const { writeTinyModel } = (await import(
    join(root, "e2e/real-inference/src/tiny-model.ts")
  )) as TinyModelModule;
  await writeTinyModel(weights, { name: "tiny", seed: 1, contextTokens });
  const child = spawn(
    toCommand(folder)[0],
    [...toCommand(folder).slice(1), ...flagsFor(weights, model)],
    {
      cwd: folder,
      env: { GGML_BACKEND_PATH: join(librariesIn(folder), "ggml/backends0/libggml-cpu-x64.so") },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const closed = once(child, "close");
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  try {
    return { url: `${await findAddress(child)}/v1`, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function flagsFor(weights: string, model: string): readonly string[] {
  const flags = {
    model: weights,
    alias: model,
    host: "127.0.0.1",
    port: "0",
    threads: "1",
    // Without the one that knows of temperatures: at 0, which the worker asks for, this model goes round in circles.
    samplers: "top_k",
  };
  return [
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]),
    "--offline",
    "--no-ui",
  ];
}

/** It says where it listens once the model is loaded. */
async function findAddress({
  stdout,
  stderr,
}: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const late = AbortSignal.timeout(patienceMs);
  const address = Promise.withResolvers<string>();
  late.addEventListener("abort", () => address.reject(new Error("llama-server says no address.")));
  for (const stream of [stdout, stderr]) {
    // To the end: a pipe that nobody reads stops the server.
    createInterface({ input: stream }).on("line", (line) => {
      const [, url] = /listening on (http:\S+)/.exec(line) ?? [];
      if (url !== undefined) address.resolve(url);
    });
  }
  return await address.promise;
}

/** Where the machine has its packages from, by either form of the list. */
async function findMirror(): Promise<string | undefined> {
  const sources = await readFile("/etc/apt/sources.list.d/debian.sources", "utf8").catch(() => "");
  const list = await readFile("/etc/apt/sources.list", "utf8").catch(() => "");
  return (
    /^URIs:\s*(\S+)/m.exec(sources)?.[1] ??
    /^deb\s+(?:\[[^\]]*\]\s+)?(\S+\/debian)\b/m.exec(list)?.[1]
  );
}

async function unpack(folder: string, mirror: string): Promise<string | undefined> {
  const state = join(folder, "apt");
  await mkdir(join(state, "lists/partial"), { recursive: true });
  await mkdir(join(state, "cache/archives/partial"), { recursive: true });
  await writeFile(join(state, "status"), "");
  const list = join(state, "sources.list");
  await writeFile(list, `deb [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const options = {
    "Dir::Etc::sourcelist": list,
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    "Dir::State::lists": join(state, "lists"),
    "Dir::State::status": join(state, "status"),
    "Dir::Cache": join(state, "cache"),
    "APT::Sandbox::User": "root",
  };
  const apt = (...command: readonly string[]): Promise<CommandResult> => {
    const flags = Object.entries(options).map(([name, value]) => `-o${name}=${value}`);
    return runCommand(["apt-get", ...flags, ...command], { cwd: folder, timeoutMs: fetchMsMax });
  };
  if (!(await apt("update")).ok) return `the list of Debian ${suite} cannot be fetched`;
  if (!(await apt("download", ...packages)).ok) return `Debian ${suite} lacks one of its packages`;
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".deb"))) {
    const { ok } = await runCommand(["dpkg", "-x", file, "."], { cwd: folder, timeoutMs: 60_000 });
    if (!ok) return "a package cannot be unpacked";
  }
  const version = await runCommand([...toCommand(folder), "--version"], {
    cwd: folder,
    timeoutMs: 60_000,
  });
  return version.ok ? undefined : "the program does not start on this machine";
}

/** By the loader that came with it: the machine's own C library may be too old. */
function toCommand(folder: string): readonly [string, ...string[]] {
  const libraries = librariesIn(folder);
  return [
    join(libraries, "ld-linux-x86-64.so.2"),
    "--library-path",
    `${libraries}:${join(libraries, "llama")}`,
    join(folder, "usr/bin/llama-server"),
  ];
}

function librariesIn(folder: string): string {
  return join(folder, "usr/lib/x86_64-linux-gnu");
}
