import { ModelError } from "@leasehold/model";

import { toModelMissingError } from "./backend-errors.ts";
import { readCatalogueEntry, refuseRemote } from "./catalogue.ts";
import { findModel, type OllamaLoadedModel, openServer } from "./ollama-server.ts";
import { type OllamaConfig, type OllamaModelOptions, parseOllamaOptions } from "./options.ts";
import { type ModelFacts, readModelFacts, refuseUnfit } from "./server-facts.ts";
import { isOlderThan, serverVersionGood, serverVersionMin } from "./server-version.ts";

/** What is looked at: the server, then each model on it, then where it runs. */
export type OllamaCheck =
  | "model_server"
  | "model_version"
  | "model_missing"
  | "model_vision"
  | "model_context"
  | "model_gpu";

/** One thing that was looked at. `warn`: work goes on. `fail`: jobs will wait or fail. */
export interface OllamaFinding {
  readonly check: OllamaCheck;
  readonly status: "ok" | "warn" | "fail";
  /** What it is, where, and what to do. */
  readonly message: string;
}

/** What is expected of the servers and their models. */
export interface InspectOllamaOptions {
  /** As they are given to `createOllamaModel`. */
  readonly models: readonly OllamaModelOptions[];
  /** A loaded model must lie in the memory of a GPU. Default: `false`. */
  readonly gpuExpected?: boolean;
}

/**
 * Looks for what keeps models from doing what they are there for, and says what to do.
 *
 * It loads nothing and changes nothing, and does not throw for what it finds. A server that is known to be away is not
 * asked about its models.
 */
export async function inspectOllama(
  { models, gpuExpected = false }: InspectOllamaOptions,
  signal: AbortSignal,
): Promise<readonly OllamaFinding[]> {
  const configs = models.flatMap((model) => parseOllamaOptions(model));
  const hosts = [...new Set(configs.map(({ base }) => base.host))];
  const findings = await Promise.all(
    hosts.map(async (host) => {
      const own = configs.filter(({ base }) => base.host === host);
      return await inspectHost(own, gpuExpected, signal);
    }),
  );
  return findings.flat();
}

async function inspectHost(
  configs: readonly OllamaConfig[],
  gpuExpected: boolean,
  signal: AbortSignal,
): Promise<readonly OllamaFinding[]> {
  const [target] = configs;
  if (target === undefined) return [];
  const { host } = target.base;
  const server = openServer({ ...target, resource: host });
  try {
    const version = await server.readVersion(signal);
    const loaded = await server.listLoaded(signal);
    const findings: OllamaFinding[] = [
      { check: "model_server", status: "ok", message: `Ollama on ${host} answers.` },
      judgeVersion(host, version),
    ];
    for (const config of configs) {
      const holding = findModel(loaded, config.model);
      findings.push(...(await inspectModel(config, { loaded: holding, gpuExpected }, signal)));
    }
    return findings;
  } catch (thrown) {
    return [toFinding("model_server", thrown)];
  }
}

function judgeVersion(host: string, version: string): OllamaFinding {
  const check = "model_version";
  // A version is a server's own word: of a strange one no more is said than that it is strange.
  const shown = /^v?[0-9][0-9A-Za-z.+-]{0,30}$/.test(version) ? version : "a strange version";
  const is = `Ollama on ${host} is ${shown}`;
  if (isOlderThan(version, serverVersionMin)) {
    return {
      check,
      status: "fail",
      message: `${is}: before ${serverVersionMin} answers do not keep to their schema. Update it.`,
    };
  }
  if (isOlderThan(version, serverVersionGood)) {
    return {
      check,
      status: "warn",
      message: `${is}: before ${serverVersionGood} an answer that it cannot read blocks the next one. Update it.`,
    };
  }
  return { check, status: "ok", message: `${is}.` };
}

interface Expectation {
  readonly loaded: OllamaLoadedModel | undefined;
  readonly gpuExpected: boolean;
}

async function inspectModel(
  config: OllamaConfig,
  { loaded, gpuExpected }: Expectation,
  signal: AbortSignal,
): Promise<readonly OllamaFinding[]> {
  const { resource } = config;
  try {
    const entry = await readCatalogueEntry(config, [signal]);
    if (!entry.present) throw toModelMissingError(resource);
    refuseRemote(entry, config);
  } catch (thrown) {
    return [toFinding("model_missing", thrown)];
  }
  const findings: OllamaFinding[] = [
    { check: "model_missing", status: "ok", message: `The server has ${resource}.` },
  ];
  try {
    const facts = await readModelFacts(config, [signal]);
    findings.push(judgeFitness(config, facts), judgeContext(config, facts, loaded));
  } catch (thrown) {
    findings.push(toFinding("model_vision", thrown));
  }
  if (gpuExpected) findings.push(judgeGpu(config, loaded));
  return findings;
}

function judgeFitness(config: OllamaConfig, facts: ModelFacts): OllamaFinding {
  const check = "model_vision";
  try {
    refuseUnfit(facts, config);
  } catch (thrown) {
    return toFinding(check, thrown);
  }
  const does = config.imagesExpected ? "reads pictures" : "writes";
  if (facts.capabilities !== undefined) {
    return { check, status: "ok", message: `${config.resource} ${does}.` };
  }
  const message = `The server does not say whether ${config.resource} ${does}. Update it.`;
  return { check, status: "warn", message };
}

function judgeContext(
  { resource, profile }: OllamaConfig,
  { contextLength }: ModelFacts,
  loaded: OllamaLoadedModel | undefined,
): OllamaFinding {
  const check = "model_context";
  const wanted = `the profile's ${profile.numCtx} tokens`;
  if (contextLength !== undefined && contextLength < profile.numCtx) {
    return {
      check,
      status: "warn",
      message:
        `${resource} has a window of ${contextLength}, smaller than ${wanted}: ` +
        "long texts are refused. Name another model, or a smaller numCtx.",
    };
  }
  const now = loaded?.contextLength;
  if (now !== undefined && now < profile.numCtx) {
    return {
      check,
      status: "warn",
      message:
        `${resource} is loaded with a window of ${now}, smaller than ${wanted}: ` +
        "another program uses it, and each loads it anew for itself.",
    };
  }
  return { check, status: "ok", message: `${resource} has room for ${wanted}.` };
}

function judgeGpu(
  { resource }: OllamaConfig,
  loaded: OllamaLoadedModel | undefined,
): OllamaFinding {
  const check = "model_gpu";
  if (loaded === undefined) {
    const message = `${resource} is not loaded, so nobody knows where it would run. See models warm.`;
    return { check, status: "ok", message };
  }
  const { bytes, gpuBytes } = loaded;
  if (gpuBytes === 0) {
    return {
      check,
      status: "fail",
      message:
        `${resource} runs on the processor, and a GPU is expected: see the driver, the devices of the ` +
        "container, and that HSA_OVERRIDE_GFX_VERSION is not empty there.",
    };
  }
  const percent = Math.floor((gpuBytes / Math.max(bytes, 1)) * 100);
  if (percent >= 99) return { check, status: "ok", message: `${resource} runs on the GPU.` };
  return {
    check,
    status: "warn",
    message: `${resource} lies in the GPU's memory by ${percent} %: it is slow. Free memory there, or take a smaller model or numCtx.`,
  };
}

function toFinding(check: OllamaCheck, thrown: unknown): OllamaFinding {
  if (ModelError.is(thrown)) return { check, status: "fail", message: thrown.message };
  throw thrown;
}
