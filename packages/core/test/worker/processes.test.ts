import { describe, expect, test } from "bun:test";
import { join } from "node:path";

import { definePipeline } from "@leasehold/core";
import { z } from "zod";

import { type Queue, setupQueue } from "../support/queue.ts";
import { useServer } from "../support/server.ts";
import type { WorkerProcessEvent, WorkerProcessOptions } from "../support/worker-process.ts";

// Real processes, killed and stopped: what a lease is for. Their leases last one second.

const server = useServer();

const effect = definePipeline({
  type: "effect",
  version: 1,
  input: z.string(),
  phases: [{ name: "run", output: z.unknown() }],
});

interface WorkerProcess {
  /** Resolves with the first event of a kind, also one that came before. */
  saw(event: WorkerProcessEvent["event"]): Promise<WorkerProcessEvent>;
  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void;
  /** Lets a job that waits go on. */
  resume(): void;
  readonly exited: Promise<number>;
}

interface Subject extends Queue {
  spawn(options: Pick<WorkerProcessOptions, "name" | "waits" | "concurrency">): WorkerProcess;
  effects(): Promise<readonly unknown[]>;
}

async function setup(): Promise<Subject> {
  const queue = await setupQueue(await server());
  // Without a unique key: a second effect would show.
  await queue.query('create table :"schema".effect (input text, worker text)');
  const children: Bun.Subprocess[] = [];
  return {
    ...queue,
    spawn(options) {
      const whole = { ...options, connection: queue.workerUrl, schema: queue.schema };
      const child = Bun.spawn(
        [
          process.execPath,
          join(import.meta.dir, "../support/worker-process.ts"),
          JSON.stringify(whole),
        ],
        { stdin: "pipe", stdout: "pipe", stderr: "inherit" },
      );
      children.push(child);
      const story = readStory(child.stdout);
      return {
        saw: story.saw,
        signal: (signal) => child.kill(signal),
        resume() {
          void child.stdin.write("\n");
          void child.stdin.flush();
        },
        exited: child.exited,
      };
    },
    effects: () => queue.query('select input, worker from :"schema".effect order by input'),
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await Promise.all(children.map(({ exited }) => exited));
      await queue[Symbol.asyncDispose]();
    },
  };
}

function readStory(output: ReadableStream<Uint8Array>): Pick<WorkerProcess, "saw"> {
  const events: WorkerProcessEvent[] = [];
  const watchers = new Set<() => void>();
  void (async () => {
    let rest = "";
    for await (const chunk of output.pipeThrough(new TextDecoderStream())) {
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop() ?? "";
      events.push(...lines.map((line) => JSON.parse(line) as WorkerProcessEvent));
      for (const look of watchers) look();
    }
  })();
  return {
    saw: (event) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find((one) => one.event === event);
          if (found === undefined) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
  };
}

describe("a worker process", () => {
  test("that is killed in the middle of a job loses it to another, which does it once", async () => {
    await using subject = await setup();
    const { id } = await subject.client.enqueue(effect, "essay");
    const killed = subject.spawn({ name: "killed", waits: true });
    await killed.saw("running");

    killed.signal("SIGKILL");
    await killed.exited;
    subject.spawn({ name: "heir", waits: false });
    const job = await subject.client.waitForJob(id);

    expect(job).toMatchObject({ state: "completed", losses: 1, failures: 0 });
    expect(job.attempts).toMatchObject([
      { attempt: 1, outcome: "lapsed", code: "worker_lost" },
      { attempt: 2, outcome: "completed" },
    ]);
    expect(await subject.effects()).toEqual([{ input: "essay", worker: "heir" }]);
  });

  test("that was stopped for longer than its lease writes nothing when it goes on", async () => {
    await using subject = await setup();
    const { id } = await subject.client.enqueue(effect, "essay");
    const stopped = subject.spawn({ name: "stopped", waits: true });
    await stopped.saw("running");

    stopped.signal("SIGSTOP");
    subject.spawn({ name: "heir", waits: false });
    const job = await subject.client.waitForJob(id);
    stopped.resume();
    stopped.signal("SIGCONT");
    const refused = await stopped.saw("refused");

    // Whichever its own clock or the database tells it first.
    expect(["lease_lost", "database_unavailable"]).toContain(refused.code ?? "");
    expect(job).toMatchObject({ state: "completed", losses: 1 });
    expect(await subject.effects()).toEqual([{ input: "essay", worker: "heir" }]);
    expect(await subject.client.getResults(id)).toMatchObject([{ output: "heir" }]);
  });

  test("that a job kills takes no innocent along: the job dies alone", async () => {
    await using subject = await setup();
    const inputs = ["innocent 1", "poison", "innocent 2", "innocent 3"];
    const answers = await subject.client.enqueueMany(effect, inputs);
    const ids = answers.map(({ id }) => id);
    const isOver = async (): Promise<boolean> => {
      const jobs = await Promise.all(ids.map((id) => subject.client.getJob(id)));
      return jobs.every((job) => job?.finishedAt !== undefined);
    };

    let crashes = 0;
    while (!(await isOver())) {
      const worker = subject.spawn({ name: `worker ${crashes}`, waits: false, concurrency: 4 });
      const over = subject.client.waitForJob(ids[1] ?? "").then(() => "over" as const);
      if ((await Promise.race([worker.exited, over])) === "over") break;
      crashes += 1;
    }
    const jobs = await Promise.all(ids.map((id) => subject.client.waitForJob(id)));

    expect(jobs.map(({ state }) => state)).toEqual(["completed", "dead", "completed", "completed"]);
    expect(jobs[1]).toMatchObject({ code: "worker_lost", losses: 3, failures: 0 });
    expect(crashes).toBe(3);
    expect(await subject.effects()).toHaveLength(3);
  });
});
