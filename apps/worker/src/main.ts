import { createProgram } from "./program.ts";

const words = process.argv.slice(2);
// Not a default of the program: a word that it does not know would be one too many for that, and not a slip of the pen.
await createProgram().parseAsync(words.length === 0 ? ["run"] : words, { from: "user" });
