import type { ModelV1 } from "@leasehold/model";
import type { Counter, Histogram, Meter } from "@opentelemetry/api";

import { otherLabel } from "./label-set.ts";
import { createModelUseLog, type ModelUse } from "./model-use.ts";
import { type ModelCallEnd, watchModel } from "./watch-model.ts";

/** Counts what models do, each under a name that the host gave it. */
export interface ModelMetrics {
  watch(model: ModelV1, name: string): ModelV1;
  uses(): readonly ModelUse[];
}

// A page takes a local model minutes; the usual bounds end at 10 s.
const secondsBounds = [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900];

/** Names beyond this many count as `other`: each is some thirty series. */
const modelsMax = 20;

interface Instruments {
  readonly tokens: Counter;
  readonly swaps: Counter;
  readonly loads: Histogram;
  readonly calls: Histogram;
  readonly firstToken: Histogram;
}

export function createModelMetrics(meter: Meter): ModelMetrics {
  let instruments: Instruments | undefined;
  const names = new Set<string>();
  // The model that a host was asked for last, by the host.
  const latest = new Map<string, string>();
  const log = createModelUseLog();

  const noteUse = ({ swaps }: Instruments, resource: string, model: string): void => {
    const [host = ""] = resource.split("/", 1);
    const before = latest.get(host);
    latest.set(host, model);
    if (before === undefined || before === model) return;
    swaps.add(1);
    log.noteSwap(model);
  };

  return {
    watch(watched, name) {
      instruments ??= createInstruments(meter);
      const known = instruments;
      if (names.size < modelsMax) names.add(name);
      const model = names.has(name) ? name : otherLabel;
      for (const direction of ["input", "output"]) known.tokens.add(0, { model, direction });
      return watchModel(watched, {
        around(kind, { resource }, run) {
          noteUse(known, resource, model);
          return run((end) => {
            if (kind === "load") {
              known.loads.record(end.durationMs / 1000, toLabels(model, end));
              return;
            }
            countCall(known, model, end);
            log.noteCall(model, end);
          });
        },
      });
    },
    uses: () => log.list(),
  };
}

function countCall(
  { tokens, calls, firstToken }: Instruments,
  model: string,
  end: ModelCallEnd,
): void {
  calls.record(end.durationMs / 1000, toLabels(model, end));
  if (end.firstTokenMs !== undefined) firstToken.record(end.firstTokenMs / 1000, { model });
  const { inputTokens = 0, outputTokens = 0 } = end.response?.usage ?? {};
  tokens.add(inputTokens, { model, direction: "input" });
  tokens.add(outputTokens, { model, direction: "output" });
}

function toLabels(model: string, { code }: ModelCallEnd): Readonly<Record<string, string>> {
  return { model, outcome: code === undefined ? "completed" : "failed" };
}

function createInstruments(meter: Meter): Instruments {
  const seconds = (name: string, description: string): Histogram =>
    meter.createHistogram(name, {
      description,
      advice: { explicitBucketBoundaries: secondsBounds },
    });
  const swaps = meter.createCounter("ai_worker_model_swaps_total", {
    description: "Calls for another model than the one before on the same host.",
  });
  swaps.add(0);
  return {
    swaps,
    tokens: meter.createCounter("ai_worker_tokens_total", {
      description: "Tokens that models read and wrote, as they counted them.",
    }),
    loads: seconds("ai_worker_model_load_seconds", "How long a model took to be ready."),
    calls: seconds("ai_worker_model_call_seconds", "How long a call of a model took."),
    firstToken: seconds(
      "ai_worker_time_to_first_token_seconds",
      "From a call of a model to its first token.",
    ),
  };
}
