// A process of the bench: it works or enqueues as its parent asks, and ends when its parent lets go of it.
import { drip, enqueue } from "./enqueuing.ts";
import { type Ask, ask as askSchema, type Notice } from "./messages.ts";
import { runSlots } from "./slots.ts";
import { startWorking, type Working } from "./working.ts";

const noticeIntervalMs = 5;

let working: Working | undefined;

function tell(message: Notice): void {
  process.send?.(message);
}

async function answer(asked: Ask): Promise<unknown> {
  if (asked.ask === "enqueue") return await enqueue(asked);
  if (asked.ask === "drip") return await drip(asked);
  if (asked.ask === "slots") return await runSlots(asked);
  if (asked.ask === "tally") return working?.tally();
  if (asked.ask === "finish") return await working?.finish();
  working = await startWorking(asked, () => tell({ notice: "first" }));
  watch(working);
  return undefined;
}

/** Tells the parent how far we are, seldom enough to cost nothing. */
function watch(watched: Working): void {
  let told = 0;
  setInterval(() => {
    const count = watched.handled();
    if (count === told) return;
    told = count;
    tell({ notice: "handled", count });
  }, noticeIntervalMs).unref();
}

process.on("message", (message) => {
  answer(askSchema.parse(message)).then(
    (value) => tell({ notice: "answer", value }),
    (error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      tell({ notice: "failed", message: text });
    },
  );
});
process.on("disconnect", () => process.exit(0));
tell({ notice: "loaded" });
