import {
  type ModelContext,
  ModelError,
  type ModelHealth,
  type ModelRequest,
  type ModelResponse,
  type ModelV1,
} from "@leasehold/model";

import { chooseHost, type HostStanding, isFaultOfHost, markDown, markWell } from "./host-choice.ts";
import { createOllamaHost, type OllamaHost } from "./ollama-host.ts";
import { findModel, openServer } from "./ollama-server.ts";
import { type OllamaModelOptions, parseOllamaOptions } from "./options.ts";
import type { OllamaProfile } from "./profile.ts";

/** The version of this adapter, as it stands in its package. */
export const ollamaAdapterVersion = "0.1.0";

/**
 * A model behind an Ollama server, or behind several.
 *
 * `prepare` loads it under a deadline of its own; `generate` expects it loaded, and stops the server's work for a call
 * that fails or is given up.
 */
export function createOllamaModel(options: OllamaModelOptions): ModelV1 {
  const configs = parseOllamaOptions(options);
  const [config] = configs;
  const closing = new AbortController();
  const hosts = configs.map((one) => createMember(createOllamaHost(one, closing.signal)));
  return Object.freeze({
    specVersion: "v1",
    name: config.name,
    version: ollamaAdapterVersion,
    capabilities: Object.freeze({
      images: config.imagesExpected,
      structuredOutput: toStructuredOutput(config.profile),
      // A seed helps, but other requests in the same batch change what comes out.
      deterministic: false,
      local: configs.every(({ local }) => local),
    }),
    // Several servers are one resource, with room for as many jobs as all of them: which one takes a job is decided here.
    resource: `${configs.map(({ base }) => base.host).join("+")}/${config.model}`,
    concurrency: config.concurrency * configs.length,
    prepare: (context: ModelContext) => prepare(hosts, context),
    generate: (request: ModelRequest, context: ModelContext) => generate(hosts, request, context),
    probe: (signal: AbortSignal) => probe(hosts, signal),
    async close() {
      closing.abort();
    },
  } satisfies ModelV1);
}

function toStructuredOutput({
  fixedPrompt,
  jsonMode,
}: OllamaProfile): ModelV1["capabilities"]["structuredOutput"] {
  if (fixedPrompt !== "") return "none";
  return jsonMode === "schema" ? "grammar" : "prompt";
}

interface Member {
  readonly host: OllamaHost;
  readonly standing: HostStanding;
}

function createMember(host: OllamaHost): Member {
  return { host, standing: { calls: 0, isWarm: false, downUntil: 0, downs: 0 } };
}

async function prepare(hosts: readonly Member[], context: ModelContext): Promise<void> {
  if (hosts.length > 1) await lookRound(hosts, context.signal);
  // Loading does not share the deadline of the call.
  const { signal } = context;
  await withHost(hosts, { signal, deadlineAt: Infinity }, ({ host }) => host.prepare(context));
}

async function generate(
  hosts: readonly Member[],
  request: ModelRequest,
  context: ModelContext,
): Promise<ModelResponse> {
  return await withHost(hosts, context, async ({ host, standing }) => {
    // Another call has the server that was made ready for this one.
    if (hosts.length > 1 && !standing.isWarm) await host.prepare(context);
    return await host.generate(request, context);
  });
}

/** Runs a call on one server after the other, until one of them can do it or the call's time is over. */
async function withHost<Result>(
  hosts: readonly Member[],
  { deadlineAt, signal }: Pick<ModelContext, "deadlineAt" | "signal">,
  run: (member: Member) => Promise<Result>,
): Promise<Result> {
  const callsMax = hosts[0]?.host.config.concurrency ?? 1;
  let left = hosts;
  for (;;) {
    const member = chooseHost(left, { now: performance.now(), callsMax });
    if (member === undefined) throw new Error("A model has no server.");
    const { standing } = member;
    standing.calls += 1;
    try {
      const result = await run(member);
      markWell(standing);
      return result;
    } catch (thrown) {
      if (!isFaultOfHost(thrown)) throw thrown;
      const now = performance.now();
      markDown(standing, now);
      left = left.filter((other) => other !== member);
      if (left.length === 0 || signal.aborted || now >= deadlineAt) throw thrown;
    } finally {
      standing.calls -= 1;
    }
  }
}

/** Asks all servers what they hold in memory: other workers load and displace models, too. */
async function lookRound(hosts: readonly Member[], signal: AbortSignal): Promise<void> {
  await Promise.all(
    hosts.map(async ({ host: { config }, standing }) => {
      if (standing.downUntil > performance.now()) return;
      try {
        const loaded = findModel(await openServer(config).listLoaded(signal), config.model);
        // With another window Ollama would load it anew.
        standing.isWarm = loaded?.contextLength === config.profile.numCtx;
      } catch (thrown) {
        if (isFaultOfHost(thrown)) markDown(standing, performance.now());
        else if (!ModelError.is(thrown)) throw thrown;
      }
    }),
  );
}

/** Well when one of the servers is. */
async function probe(hosts: readonly Member[], signal: AbortSignal): Promise<ModelHealth> {
  const answers = await Promise.all(hosts.map(async ({ host }) => await host.probe(signal)));
  return (
    answers.find(({ status }) => status === "ok") ??
    answers[0] ?? { status: "failed", detail: "A model has no server." }
  );
}
