import type { Child } from "hono/jsx";

import type { Figures } from "./figures.ts";
import type { Words } from "./words.ts";

/** What every view needs beside what it shows. */
export interface Look {
  readonly words: Words;
  readonly figures: Figures;
  /** The way from this address to the place where the console is mounted: `./` or `../`. */
  readonly root: "./" | "../";
  readonly mayAct: boolean;
  readonly mayReveal: boolean;
  /** There are resources that can be made ready. */
  readonly mayWarm: boolean;
}

/** A view, ready to be put into a document or to replace what stands in one. */
export interface View {
  readonly title: string;
  /** Said aloud when it changes while somebody looks; a sentence, or nothing. */
  readonly announcement: string;
  readonly body: Child;
  /** Default: 200. */
  readonly status?: 400 | 404 | 503;
}
