import { describe, expect, setDefaultTimeout, test } from "bun:test";

import { findBarriers } from "./support/console/barriers.ts";
import { isMissing } from "./support/console/chromium.ts";
import { secretText } from "./support/console/console-bench.ts";
import { useConsole } from "./support/console/use-console.ts";

setDefaultTimeout(240_000);

const { openBench, open } = useConsole();

// The reason is printed above: skipped: no Chromium.
describe.skipIf(isMissing)("acting in a browser", () => {
  test("signs in with a token, and leads from the alert to the cause and to the requeue in three steps", async () => {
    await using bench = await openBench();
    await using session = await open(bench, {
      extraHTTPHeaders: {},
      httpCredentials: { username: "ada", password: bench.tokenOf("read", "act") },
    });
    const { page, complaints } = session;
    await bench.enqueue(1, { breaks: true });
    await bench.startWorker();
    await page.goto(`${bench.url}/overview`);

    await page
      .getByRole("link", { name: /output_invalid/ })
      .first()
      .click();
    await page.getByText("did not fit its schema").first().waitFor();
    bench.mend();
    await page.getByRole("button", { name: /^Requeue/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Requeue" }).click();

    await page.getByText("The job was requeued.").waitFor();
    await page.locator(".job-head .state-completed").waitFor();
    expect(await page.content()).not.toContain("Canary");
    expect(complaints).toEqual([]);
  });

  test("requeues a whole group after asking, and writes down who did", async () => {
    await using bench = await openBench();
    await using session = await open(bench);
    const { page, complaints } = session;
    await bench.enqueue(5, { breaks: true });
    await bench.startWorker();
    await page.goto(`${bench.url}/dead-letters`);

    const button = page.getByRole("button", { name: /^Requeue these 5/ });
    await button.waitFor();
    bench.mend();
    await button.click();
    const dialog = page.getByRole("dialog", { name: "Requeue these 5 jobs?" });
    await dialog.waitFor();
    const barriers = await findBarriers(page);
    await dialog.getByLabel(/^Reason/).fill("The model was replaced");
    await dialog.getByRole("button", { name: "Requeue these 5" }).click();

    await page.getByText(/^Requeued: 5\./).waitFor();
    await page.getByText("No job ended badly.").waitFor();
    await page.goto(`${bench.url}/audit`);
    const row = page.getByRole("row", { name: /ada/ }).first();
    expect(await row.textContent()).toContain("The model was replaced");
    expect(barriers).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("can be used by the keyboard alone", async () => {
    await using bench = await openBench();
    await using session = await open(bench);
    const { page, complaints } = session;
    const [id = ""] = await bench.enqueue(1, { breaks: true });
    await bench.startWorker();
    await page.goto(`${bench.url}/jobs/${id}`);
    await page.locator(".job-head .state-failed, .job-head .state-dead").waitFor();
    bench.mend();
    const focused = async (): Promise<string> =>
      await page.evaluate<string>("document.activeElement?.textContent.trim() ?? ''");
    const tabTo = async (text: RegExp): Promise<void> => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press("Tab");
        if (text.test(await focused())) return;
      }
      throw new Error(`nothing that says ${String(text)} can be reached`);
    };

    await page.keyboard.press("Tab");
    const first = await focused();
    await page.keyboard.press("Enter");
    await tabTo(/^Requeue/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    const afterEscape = await focused();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(/^Requeue/);
    await page.keyboard.press("Enter");

    await page.locator(".job-head .state-completed").waitFor();
    expect(first).toBe("Skip to the content");
    expect(afterEscape).toStartWith("Requeue");
    expect(complaints).toEqual([]);
  });

  test("shows content to nobody, and then to who may see it and says why", async () => {
    await using bench = await openBench();
    const [id = ""] = await bench.enqueue(1, { breaks: false });
    await bench.startWorker();
    await bench.client.waitForJob(id);
    await using blind = await open(bench);
    await using session = await open(bench, {
      extraHTTPHeaders: bench.headersOf("read", "act", "reveal"),
    });
    const { page, complaints } = session;

    await blind.page.goto(`${bench.url}/jobs/${id}`);
    await page.goto(`${bench.url}/jobs/${id}`);
    const before = (await blind.page.content()) + (await page.content());
    await page.getByRole("textbox", { name: "Reason", exact: true }).fill("The learner asked");
    await page.getByRole("button", { name: "Reveal" }).click();
    await page.getByText(`Answer to: ${secretText}`).waitFor();
    await page.getByRole("button", { name: "Hide again" }).click();
    await page.goto(`${bench.url}/audit`);

    expect(before).not.toContain("Canary");
    expect(await blind.page.getByRole("button", { name: "Reveal" }).count()).toBe(0);
    expect(await page.content()).not.toContain("Canary");
    expect(await page.getByText("The learner asked").count()).toBe(1);
    expect(complaints).toEqual([]);
  });
});
