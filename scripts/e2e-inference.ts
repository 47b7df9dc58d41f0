// Works submissions with a real, tiny model behind the worker: `bun run e2e:inference [--count 50] [--json]`.
//
// The engine, llama.cpp as npm has it for linux-x64 (85 MB), is installed beside the project at the first run. With
// `--json`, the last line is for programs.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "50" },
    json: { type: "boolean", default: false },
  },
});
if (!/^[1-9]\d{0,3}$/.test(values.count)) throw new Error("--count must be from 1 to 9999");

const { status, stderr } = spawnSync(
  process.execPath,
  ["test", "--timeout=1500000", "./test/real-inference.full.ts"],
  {
    cwd: join(import.meta.dirname, ".."),
    env: { ...process.env, REAL_INFERENCE_COUNT: values.count },
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  },
);
process.stderr.write(stderr);
const [, figures] = /^real inference: (\{.*\})$/m.exec(stderr) ?? [];
if (values.json) console.log(figures ?? JSON.stringify({ submissions: 0 }));
process.exit(status ?? 1);
