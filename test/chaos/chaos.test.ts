import { test } from "bun:test";

import { expectSurvival } from "./ordeal.ts";

test("1,000 jobs outlive 20 kills, 6 stops and 2 crashes of Postgres, each done once", async () => {
  await expectSurvival({
    jobs: 1_000,
    disasters: { kill: 20, stop: 6, restart: 2 },
    seed: 1,
  });
}, 230_000);
