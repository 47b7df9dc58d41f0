import { test } from "bun:test";

import { expectSurvival } from "./ordeal.ts";

test("10,000 jobs outlive 200 kills, 60 stops and 20 crashes of Postgres, each done once", async () => {
  await expectSurvival({
    jobs: 10_000,
    disasters: { kill: 200, stop: 60, restart: 20 },
    seed: 7,
  });
}, 1_200_000);
