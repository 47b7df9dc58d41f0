import { afterAll } from "bun:test";

import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";

import { mayBeMissing } from "../may-be-missing.ts";

const install = "apt-get install -y --no-install-recommends chromium";

/** Debian's, or whatever else the machine calls by these names. */
function findChromium(): string | undefined {
  for (const name of ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return undefined;
}

const path = findChromium();

/** Where it must be, a missing browser fails its tests instead. */
export const isMissing: boolean = path === undefined && mayBeMissing;
if (isMissing) process.stderr.write(`skipped: no Chromium; ${install}\n`);

/** It fetches nothing by itself, and needs no rights that a container does not give. */
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Gives a test file its browser, started at the first call and closed after the file's last test. */
export function useChromium(): (options: BrowserContextOptions) => Promise<WatchedPage> {
  let launched: Promise<Browser> | undefined;
  afterAll(async () => {
    await (await launched)?.close();
  });
  return async (options) => {
    if (path === undefined) throw new Error(`There is no Chromium: ${install}`);
    launched ??= chromium.launch({ executablePath: path, args: flags, headless: true });
    return await openPage(await launched, options);
  };
}

/** A browser of somebody's own, which writes down whatever it complains of. */
export interface WatchedPage extends AsyncDisposable {
  readonly page: Page;
  /** Errors, warnings and what the policy refused. */
  readonly complaints: readonly string[];
}

/** Runs in the page. What it prints is listened to, which is the only way out. */
const listenForRefusals = `document.addEventListener("securitypolicyviolation", (event) => {
  console.error("refused by the policy: " + event.violatedDirective + " " + event.blockedURI);
});`;

/** As long as anything may take to be seen on a busy machine. */
const timeoutMs = 60_000;

async function openPage(browser: Browser, options: BrowserContextOptions): Promise<WatchedPage> {
  const context: BrowserContext = await browser.newContext(options);
  context.setDefaultTimeout(timeoutMs);
  const complaints: string[] = [];
  context.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(error.error().message));
  await context.addInitScript(listenForRefusals);
  const page = await context.newPage();
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}
