// Makes a tiny model and serves it in the form of Ollama's interface, until it is killed:
// `bun src/main.ts --folder /tmp/model --model page-reader --model judge [--ignore-format]`.
// Its first line says where it listens; `answers.jsonl` in the folder holds what the model said.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { loadEngine } from "./engine.ts";
import { serveOllama } from "./ollama-server.ts";
import { writeTinyModel } from "./tiny-model.ts";

/** The largest window that the worker asks for. */
const contextTokens = 16_384;

const { values } = parseArgs({
  options: {
    folder: { type: "string", default: "." },
    model: { type: "string", multiple: true, default: ["tiny"] },
    "ignore-format": { type: "boolean", default: false },
  },
});
const path = join(values.folder, "tiny.gguf");
await writeTinyModel(path, { name: "tiny", seed: 1, contextTokens });
const engine = await loadEngine(path, contextTokens);
const port = await serveOllama({
  engine,
  models: values.model.map((name) => (name.includes(":") ? name : `${name}:latest`)),
  contextTokens,
  constrains: !values["ignore-format"],
  onAnswer: (answer) =>
    appendFileSync(join(values.folder, "answers.jsonl"), `${JSON.stringify(answer)}\n`),
});
process.stdout.write(`http://127.0.0.1:${port}\n`);
