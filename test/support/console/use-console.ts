import type { BrowserContextOptions } from "playwright-core";

import { useCluster } from "../worker-bench.ts";
import { useChromium, type WatchedPage } from "./chromium.ts";
import { type ConsoleBench, openConsoleBench } from "./console-bench.ts";

/** Opens consoles, each on a database of its own, and looks at them in one browser. */
export interface ConsoleRig {
  readonly openBench: () => Promise<ConsoleBench>;
  /** As somebody who may act, unless told otherwise. */
  readonly open: (bench: ConsoleBench, options?: BrowserContextOptions) => Promise<WatchedPage>;
}

/** For a test file: what it opens ends with the file. */
export function useConsole(): ConsoleRig {
  const cluster = useCluster();
  const openBrowser = useChromium();
  return {
    openBench: async () => await openConsoleBench(await cluster.createDatabase()),
    open: async (bench, options = {}) =>
      await openBrowser({
        locale: "en-GB",
        extraHTTPHeaders: bench.headersOf("read", "act"),
        ...options,
      }),
  };
}
