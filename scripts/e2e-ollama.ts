// Works the samples with your own Ollama, on a database that is thrown away:
// `OLLAMA_BASE_URL=… AI_VISION_MODEL=… AI_FEEDBACK_MODEL=… bun run e2e:ollama [--json]`.
//
// No check runs it: Ollama and its models are no npm packages.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const wanted = ["OLLAMA_BASE_URL", "AI_VISION_MODEL", "AI_FEEDBACK_MODEL"];
const missing = wanted.filter((name) => (process.env[name] ?? "") === "");
if (missing.length > 0) {
  console.error(`skipped: ${missing.join(", ")} must say which Ollama and which models`);
  process.exit(2);
}
const main = join(import.meta.dirname, "../apps/worker/src/main.ts");
const { status } = spawnSync(process.execPath, [main, "demo", ...process.argv.slice(2)], {
  env: { ...process.env, AI_BACKEND: "local" },
  stdio: "inherit",
});
process.exit(status ?? 1);
