import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";

import type { MediaPreparerOptions } from "../../src/media/media-options.ts";
import {
  createMediaPreparer,
  type MediaPreparer,
  type PreparedMedia,
} from "../../src/media/media-preparer.ts";
import { outline, rejection } from "../fixtures/errors.ts";
import type { Oddity } from "../fixtures/odd-child.ts";
import { createPdfWriter } from "../fixtures/pdf.ts";
import { isAlive, mediaProcesses, noMediaProcess } from "../fixtures/processes.ts";
import { readSample } from "../fixtures/samples.ts";

interface LimitsFixture extends AsyncDisposable {
  readonly preparer: MediaPreparer;
  readonly open: (bytes: Uint8Array, signal?: AbortSignal) => Promise<PreparedMedia>;
  /** Opens a document and reads its first page. */
  readonly read: (bytes: Uint8Array) => Promise<unknown>;
}

/** What a document is told that asks for too much. */
const tooLarge = { code: "input_too_large", scope: "job", retryable: false } as const;
const timeoutMs = 60_000;

const isLinux = process.platform === "linux";
if (!isLinux) process.stderr.write("skipped: tests that look at processes through /proc\n");
const testOnLinux = test.skipIf(!isLinux);

function setup(options: MediaPreparerOptions = {}): LimitsFixture {
  const preparer = createMediaPreparer(options);
  const { signal: never } = new AbortController();
  const open: LimitsFixture["open"] = (bytes, signal = never) =>
    preparer.open({ bytes, mediaType: "application/pdf" }, { signal });
  return {
    preparer,
    open,
    read: async (bytes) => await (await open(bytes)).page(1),
    [Symbol.asyncDispose]: () => preparer.close(),
  };
}

/** Puts a process that goes wrong in the place of the real one. */
function oddOptions(
  oddity: Oddity,
  limits: MediaPreparerOptions["limits"] = {},
): MediaPreparerOptions {
  const program = fileURLToPath(new URL("../fixtures/odd-child.ts", import.meta.url));
  return { limits, childCommand: [process.execPath, program, oddity] };
}

/** A kilobyte that keeps a renderer busy for minutes: a page tiled with billions of tiles. */
function timeBomb(): Uint8Array {
  const pdf = createPdfWriter();
  const tile = pdf.addStream(
    "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 5 5] " +
      "/XStep 0.01 /YStep 0.01 /Resources << >>",
    "1 0 0 rg 0 0 3 3 re f",
  );
  pdf.addPage({
    content: "/Pattern cs /P scn 0 0 595 842 re f",
    resources: `/Pattern << /P ${tile} >>`,
  });
  return pdf.toBytes();
}

/** Nine forms, each of which shows the next one ten times: a billion objects. */
function memoryBomb(): Uint8Array {
  const pdf = createPdfWriter();
  let form = pdf.addStream("/Type /XObject /Subtype /Form /BBox [0 0 9 9]", "0 0 9 9 re f");
  for (let depth = 0; depth < 9; depth++) {
    form = pdf.addStream(
      `/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X ${form} >> >>`,
      "/X Do ".repeat(10),
    );
  }
  pdf.addPage({ content: "/X Do", resources: `/XObject << /X ${form} >>` });
  return pdf.toBytes();
}

/** Watches this process: that its event loop turns, and by how much it grows. */
function watchWorker(): Disposable & { readonly ticks: number; readonly growthBytes: number } {
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  const seen = { ticks: 0, growthBytes: 0 };
  const heartbeat = setInterval(() => {
    seen.ticks += 1;
    seen.growthBytes = Math.max(seen.growthBytes, process.memoryUsage.rss() - before);
  }, 20);
  return Object.assign(seen, { [Symbol.dispose]: () => clearInterval(heartbeat) });
}

describe("a document that takes for ever", () => {
  testOnLinux(
    "is killed at its limit, while the worker stays awake and small",
    async () => {
      await using fixture = setup({ limits: { documentTimeoutMs: 2000, pageTimeoutMs: 1500 } });
      using worker = watchWorker();

      const error = await rejection(fixture.read(timeBomb()));

      expect(outline(error)).toEqual({ ...tooLarge, adapterCode: "time_limit" });
      expect(await noMediaProcess()).toEqual([]);
      // A blocked worker would tick once or twice in these one and a half seconds.
      expect(worker.ticks).toBeGreaterThan(10);
      expect(worker.growthBytes).toBeLessThan(100_000_000);
    },
    timeoutMs,
  );

  testOnLinux(
    "is killed when its caller stops, and leaves no process",
    async () => {
      await using fixture = setup();
      const stop = new AbortController();
      const media = await fixture.open(timeBomb(), stop.signal);
      const reading = rejection(media.page(1));
      const whileReading = mediaProcesses().length;

      stop.abort();
      const error = await reading;

      expect(whileReading).toBe(1);
      expect(error.code).toBe("aborted");
      expect(await noMediaProcess()).toEqual([]);
    },
    timeoutMs,
  );

  testOnLinux(
    "ends with its worker, although it is too busy to notice",
    async () => {
      const program = fileURLToPath(new URL("../fixtures/doomed-worker.ts", import.meta.url));
      await using worker = Bun.spawn({
        cmd: [process.execPath, program],
        stdin: timeBomb(),
        stdout: "pipe",
      });
      await worker.stdout.getReader().read();
      const [holder = 0] = mediaProcesses(worker.pid);
      const whileReading = isAlive(holder);

      worker.kill("SIGKILL");
      await worker.exited;

      const deadline = performance.now() + timeoutMs / 2;
      while (isAlive(holder) && performance.now() < deadline) await Bun.sleep(20);
      expect(whileReading).toBe(true);
      expect(isAlive(holder)).toBe(false);
    },
    timeoutMs,
  );
});

describe("the time of a document", () => {
  test(
    "is one for all its pages, not a new one for each",
    async () => {
      await using fixture = setup(oddOptions("dawdles", { documentTimeoutMs: 1000 }));
      const media = await fixture.open(await readSample("letter.pdf"));
      let pages = 0;
      const readForEver = async (): Promise<void> => {
        for (;;) {
          await media.page(1);
          pages += 1;
        }
      };

      const error = await rejection(readForEver());

      // Each page takes three tenths of the time, so a fourth is never in time, however slow the machine.
      expect(pages).toBeLessThan(4);
      // It slept and did not compute, which looks like a machine that gave it no time.
      expect(error.adapterCode).toBe("media_starved");
    },
    timeoutMs,
  );

  test(
    "is not charged to a page while another is prepared",
    async () => {
      await using fixture = setup({
        ...oddOptions("dawdles", { pageTimeoutMs: 1000 }),
        processesMax: 8,
      });
      const media = await fixture.open(await readSample("letter.pdf"));

      // Three tenths of a second each: the fourth answer comes after more than one page's time.
      const pages = await Promise.all([1, 1, 1, 1, 1].map((page) => media.page(page)));

      expect(pages.length).toBe(5);
    },
    timeoutMs,
  );
});

describe("a document that needs too much memory", () => {
  const limits = { memoryBytesMax: 268_435_456 } as const;

  test(
    "is refused when its reader asks for more than its share",
    async () => {
      await using fixture = setup({ limits });

      const error = await rejection(fixture.read(memoryBomb()));

      expect(outline(error)).toEqual({ ...tooLarge, adapterCode: "memory_limit" });
    },
    timeoutMs,
  );

  testOnLinux(
    "is killed when its process grows past the limit",
    async () => {
      await using fixture = setup(oddOptions("allocates", limits));

      const error = await rejection(fixture.read(await readSample("letter.pdf")));

      expect(outline(error)).toEqual({ ...tooLarge, adapterCode: "memory_limit" });
      expect(await noMediaProcess()).toEqual([]);
    },
    timeoutMs,
  );
});

describe("a process that goes wrong", () => {
  const crashed = { code: "input_corrupt", adapterCode: "media_crashed", retryable: false };
  const verdicts = {
    answers_something_else: crashed,
    claims_too_much: crashed,
    crashes: crashed,
    lies_about_pages: crashed,
    sends_no_picture: crashed,
    is_killed: { code: "backend_failed", adapterCode: "media_killed", retryable: true },
    fails_to_load: { code: "config_invalid", adapterCode: "media_not_started", retryable: false },
  } as const satisfies Partial<Record<Oddity, object>>;
  const oddities = Object.keys(verdicts) as (keyof typeof verdicts)[];

  test.each(oddities)("and %s gives an error of its own", async (oddity) => {
    await using fixture = setup(oddOptions(oddity));

    const error = await rejection(fixture.read(await readSample("letter.pdf")));

    expect(error).toMatchObject(verdicts[oddity]);
  });

  test("is the configuration's fault when its program is not there", async () => {
    await using fixture = setup({ childCommand: ["/nowhere/bun", "media-child.ts"] });

    const error = await rejection(fixture.read(await readSample("letter.pdf")));

    expect(outline(error)).toEqual({
      code: "config_invalid",
      scope: "config",
      retryable: false,
      adapterCode: "media_not_started",
    });
  });

  testOnLinux("has no secrets, no core file and no mercy", async () => {
    await using fixture = setup(oddOptions("tells_its_surroundings"));

    const media = await fixture.open(await readSample("letter.pdf"));
    const { text = "" } = await media.page(1);

    const surroundings: unknown = JSON.parse(text);
    expect(Object.keys(process.env).length).toBeGreaterThan(4);
    expect(surroundings).toEqual({
      variables: [
        "BUN_ENABLE_CRASH_REPORTING",
        "BUN_RUNTIME_TRANSPILER_CACHE_PATH",
        "DO_NOT_TRACK",
        // Set by the shell; the folder is the root, where nobody can put a configuration file.
        "PWD",
      ],
      folder: "/",
      limits: expect.stringMatching(/Max cpu time +70 +70 [^]*Max core file size +0 +0 /),
      oomScore: "1000",
    });
  });
});
