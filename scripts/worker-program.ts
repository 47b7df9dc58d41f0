/** The reference worker's commands and options, for checks of what is written about them. */
export { createProgram } from "../apps/worker/src/program.ts";
