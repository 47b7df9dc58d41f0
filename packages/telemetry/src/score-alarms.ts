import { setTimeout as wait } from "node:timers/promises";

import type { Meter } from "@opentelemetry/api";

/** Where the watch over scores is read, and what it may see. */
export interface ScoreAlarmSource {
  /** The values that `{shape}` may take. */
  readonly shapes: readonly string[];
  /** Asked at every scrape. While it fails, or takes longer than two seconds, the gauge has no value. */
  read(): Promise<ScoreAlarms>;
}

type ScoreAlarms = readonly { readonly shape: string }[];

const patienceMs = 2_000;

/** Shows how many models give too many submissions the same. */
export function createScoreAlarms(meter: Meter, source: ScoreAlarmSource): void {
  const gauge = meter.createObservableGauge("ai_worker_score_alarms", {
    description: "Models that give too many submissions the same, by what is the same.",
  });
  gauge.addCallback(async (result) => {
    const alarms = await readInTime(source);
    if (alarms === undefined) return;
    for (const shape of source.shapes) {
      result.observe(alarms.filter((alarm) => alarm.shape === shape).length, { shape });
    }
  });
}

async function readInTime(source: ScoreAlarmSource): Promise<ScoreAlarms | undefined> {
  const ended = new AbortController();
  const late = wait(patienceMs, undefined, { signal: ended.signal }).catch(() => undefined);
  try {
    return await Promise.race([source.read(), late]);
  } catch {
    // A scrape that fails would take all other numbers along.
    return undefined;
  } finally {
    ended.abort();
  }
}
