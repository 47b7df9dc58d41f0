import { expect, test } from "bun:test";

import { pause } from "../src/waiting.ts";

const longMs = 3_600_000;

test("an aborted signal ends a pause that has not begun, and one that has", async () => {
  const controller = new AbortController();
  const begun = pause(longMs, controller.signal);

  controller.abort();
  await begun;
  await pause(longMs, controller.signal);

  expect(controller.signal.aborted).toBe(true);
});

test("a pause that is over leaves nothing behind on its signal", async () => {
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...given: Parameters<typeof add>) => {
    listeners += 1;
    add(...given);
  };
  signal.removeEventListener = (...given: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...given);
  };

  // Somebody who waits for half an hour looks some thousand times.
  for (let look = 0; look < 20; look += 1) await pause(0, signal);

  expect(listeners).toBe(0);
});
