import { expect, test } from "bun:test";

import { createSlots } from "../../src/media/slots.ts";
import { rejection } from "../fixtures/errors.ts";

const { signal } = new AbortController();

test("hands a slot to whoever waited longest", async () => {
  const slots = createSlots(1);
  const order: string[] = [];
  const release = await slots.acquire(signal);
  const first = slots.acquire(signal).then((next) => {
    order.push("first");
    next();
  });
  const second = slots.acquire(signal).then((next) => {
    order.push("second");
    next();
  });

  release();
  await Promise.all([first, second]);

  expect(order).toEqual(["first", "second"]);
});

test("a caller that stops waiting leaves the queue, and the others move up", async () => {
  const slots = createSlots(1);
  const stop = new AbortController();
  const release = await slots.acquire(signal);
  const stopped = rejection(slots.acquire(stop.signal));
  const patient = slots.acquire(signal);

  stop.abort();
  const error = await stopped;
  release();
  const next = await patient;

  expect(error.code).toBe("aborted");
  expect(next).toBeFunction();
});

test("a slot that is given back twice is free once", async () => {
  const slots = createSlots(1);
  const release = await slots.acquire(signal);

  release();
  release();
  await slots.acquire(signal);
  const stop = new AbortController();
  const third = rejection(slots.acquire(stop.signal));
  stop.abort();

  expect((await third).code).toBe("aborted");
});
