import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";

import { findBarriers } from "./support/console/barriers.ts";
import { isMissing } from "./support/console/chromium.ts";
import { useConsole } from "./support/console/use-console.ts";
import { views } from "./support/console/views.ts";
import { root } from "./support/worker-bench.ts";

setDefaultTimeout(240_000);

const { openBench, open } = useConsole();

/** The pictures stay there, for people. */
const pictures = join(root, "dist/console");

// The reason is printed above: skipped: no Chromium.
describe.skipIf(isMissing)("the console in a browser", () => {
  test("shows a backlog grow and drain, and leaves alone what its reader does", async () => {
    await using bench = await openBench();
    await using session = await open(bench, { viewport: { width: 900, height: 500 } });
    const { page, complaints } = session;
    await page.goto(`${bench.url}/overview`);
    const due = page.getByRole("region", { name: "Waiting to run" }).locator(".figure");
    await due.getByText("0", { exact: true }).waitFor();
    await page.evaluate("document.documentElement.dataset.same = 'yes'");

    await bench.enqueue(30, { breaks: false });
    await due.getByText("30", { exact: true }).waitFor();
    await page.getByRole("main").getByRole("link", { name: "default", exact: true }).focus();
    await page.evaluate("scrollTo(0, 120)");
    await bench.enqueue(15, { breaks: false });
    await due.getByText("45", { exact: true }).waitFor();
    const whileItGrew = await tellReader(page);
    await bench.startWorker();
    await due.getByText("0", { exact: true }).waitFor();
    await page
      .getByRole("region", { name: "Completed" })
      .getByText("45", { exact: true })
      .waitFor();

    const after = await tellReader(page);
    expect(whileItGrew).toEqual({ same: "yes", scrolled: true, focus: "A default" });
    // The link is gone with its row: who was there is led to the beginning of what is left.
    expect(after).toEqual({ same: "yes", scrolled: expect.any(Boolean), focus: "MAIN" });
    expect(complaints).toEqual([]);
  });

  test("rests while somebody types, and while nobody looks", async () => {
    await using bench = await openBench();
    await using session = await open(bench);
    const { page } = session;
    await page.clock.install();
    await page.goto(`${bench.url}/jobs`);
    let asked = 0;
    page.on("request", (request) => {
      if (request.headers()["x-console-part"] === "main") asked += 1;
    });

    await page.getByLabel("Code").focus();
    await page.clock.runFor(60_000);
    const whileTyping = asked;
    await page.getByRole("button", { name: /^Live/ }).click();
    await page.clock.runFor(60_000);
    const whilePaused = asked;
    await page.getByRole("button", { name: /^Paused/ }).click();
    await page.clock.runFor(5_000);
    await page.waitForResponse(() => true).catch(() => undefined);

    expect([whileTyping, whilePaused]).toEqual([0, 0]);
    expect(asked).toBeGreaterThan(0);
  });

  test("can be read without a script, in under 150 kB", async () => {
    await using bench = await openBench();
    await bench.enqueue(3, { breaks: true });
    await bench.startWorker();
    await using session = await open(bench, { javaScriptEnabled: false });
    await using scripted = await open(bench);
    const sizes: number[] = [];
    scripted.page.on("response", (response) => {
      sizes.push(Number(response.headers()["content-length"] ?? 0));
    });

    await session.page.goto(`${bench.url}/dead-letters`);
    await scripted.page.goto(`${bench.url}/overview`, { waitUntil: "networkidle" });
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    process.stderr.write(`the first view: ${bytes} bytes in ${sizes.length} answers\n`);

    await session.page.getByRole("heading", { level: 1, name: "Dead letters" }).waitFor();
    expect(await session.page.getByRole("button", { name: /Requeue/ }).count()).toBe(0);
    expect(sizes.every((size) => size > 0)).toBe(true);
    expect(bytes).toBeLessThan(150_000);
  });

  const looks = [
    {
      name: "wide-light",
      colorScheme: "light",
      locale: "en-GB",
      viewport: { width: 1360, height: 900 },
    },
    {
      name: "wide-dark",
      colorScheme: "dark",
      locale: "de-DE",
      viewport: { width: 1360, height: 900 },
    },
    {
      name: "phone-light",
      colorScheme: "light",
      locale: "de-DE",
      viewport: { width: 400, height: 860 },
    },
    {
      name: "phone-dark",
      colorScheme: "dark",
      locale: "en-GB",
      viewport: { width: 400, height: 860 },
    },
  ] as const;

  test("has no barrier and nothing that its policy refuses, in any view or look", async () => {
    await using bench = await openBench();
    const [id = ""] = await bench.enqueue(4, { breaks: true });
    await bench.enqueue(12, { breaks: false });
    await bench.startWorker();
    await bench.client.waitForJob(id);
    await mkdir(pictures, { recursive: true });
    const barriers: string[] = [];
    const complaints: string[] = [];

    for (const { name, ...options } of looks) {
      await using session = await open(bench, {
        ...options,
        extraHTTPHeaders: bench.headersOf("read", "act", "reveal"),
      });
      for (const view of [...views, `jobs/${id}`]) {
        await session.page.goto(`${bench.url}/${view}`);
        const picture = `${view.replace(id, "").replace("jobs/", "job")}-${name}.png`;
        await session.page.screenshot({ path: join(pictures, picture), fullPage: true });
        barriers.push(
          ...(await findBarriers(session.page)).map((each) => `${view} ${name} ${each}`),
        );
      }
      complaints.push(...session.complaints);
    }

    expect(barriers).toEqual([]);
    expect(complaints).toEqual([]);
  });
});

/** What a reader would lose if the page were another one. */
async function tellReader(page: Page): Promise<unknown> {
  return await page.evaluate(`({
    same: document.documentElement.dataset.same,
    scrolled: scrollY > 0,
    focus: document.activeElement.matches("main")
      ? "MAIN"
      : document.activeElement.nodeName + " " + document.activeElement.textContent,
  })`);
}
