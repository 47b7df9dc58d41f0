import { setDefaultTimeout, test } from "bun:test";

import * as fc from "fast-check";

import { readCheckSettings } from "../support/check-settings.ts";
import { createQueueModel, policy } from "../support/queue-model.ts";
import { advance, takeStep, type World } from "../support/queue-steps.ts";
import { anyStep } from "../support/queue-story.ts";
import { compareViews, createLook, epoch } from "../support/queue-view.ts";
import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";

const server = useServer();
const { timeoutMs, ...parameters } = readCheckSettings({ runs: 100, msPerRun: 1_000 });
setDefaultTimeout(timeoutMs);

test("whatever is done in whatever order, the queue is where the model is", async () => {
  await using queue = await setup();
  await using session = await queue.begin();
  const lanes = await declareLanes(queue);

  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 100, size: "max" }), async (steps) => {
      // What happens in a story's transaction is rolled back, so that each begins with an empty schema.
      await session.rollback();
      await session.query("begin");
      // So that the jitter is the same too when a story is told again.
      await session.query("select setseed(0.5)");
      const world: World = { model: createQueueModel(), session, lanes };
      for (const step of steps) {
        await advance(world, 1);
        await takeStep(world, step);
        await compareViews(world);
      }
    }),
    parameters,
  );
});

async function setup(): Promise<Queue> {
  const queue = await setupQueue(await server());
  const { retriesMax, lossesMax, backoffBaseMs, backoffCapMs } = policy;
  const numbers = [retriesMax, lossesMax, backoffBaseMs, backoffCapMs];
  await queue.call("register_type", "essay", null, ...numbers);
  await createLook(queue);
  // Time stands still but for what a story says, so that a story told again ends the same.
  await queue.query(`create or replace function :"schema".clock() returns timestamptz
    language sql volatile set search_path = pg_catalog, pg_temp as $$
      select timestamptz '${epoch}' + offset_ms * interval '1 millisecond' from :"schema".test_clock
    $$`);
  return queue;
}

async function declareLanes(queue: Queue): Promise<World["lanes"]> {
  const lanes = await queue.lanes(["draft", "grade"]);
  const laneOf = (phase: string): World["lanes"]["draft"] => {
    const found = lanes.find((lane) => lane.phase === phase);
    return { normal: found?.laneId ?? 0, solo: found?.soloLaneId ?? 0 };
  };
  return { draft: laneOf("draft"), grade: laneOf("grade") };
}
