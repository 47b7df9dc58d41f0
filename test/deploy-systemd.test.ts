import { expect, test } from "bun:test";
import { join } from "node:path";

import { parseUnitFile } from "./support/deploy/unit-file.ts";

const path = join(import.meta.dirname, "../deploy/systemd/leasehold-worker.service");
const unit = parseUnitFile(await Bun.file(path).text());
const environment = new Map(
  (unit.get("Service.Environment") ?? []).map((line) => {
    const [name = "", ...value] = line.split("=");
    return [name, value.join("=")];
  }),
);

test.each([
  ["counts as started once the program runs", "Type", ["exec"]],
  ["runs as nobody special", "User", ["leasehold"]],
  ["signals the worker alone", "KillMode", ["mixed"]],
  ["signals what makes a worker drain", "KillSignal", ["SIGTERM"]],
  ["starts an exhausted worker afresh", "Restart", ["on-failure"]],
  ["leaves one that must be configured alone", "RestartPreventExitStatus", ["2"]],
  ["outlives the process that reads pictures", "OOMPolicy", ["continue"]],
  ["leaves no learner's work in a core file", "LimitCORE", ["0"]],
  ["changes nothing but its own folder", "ProtectSystem", ["strict"]],
  ["becomes nobody else", "NoNewPrivileges", ["yes"]],
  ["has no capabilities", "CapabilityBoundingSet", [""]],
  ["compiles while it runs", "MemoryDenyWriteExecute", undefined],
])("the unit %s: %s", (_, name, expected) => {
  expect(unit.get(`Service.${name}`) as unknown).toEqual(expected);
});

test("a stopped worker has its grace before it is killed", () => {
  const grace = Number(environment.get("WORKER_GRACE_SECONDS"));
  const patience = Number(unit.get("Service.TimeoutStopSec")?.[0]);

  expect(patience).toBeGreaterThanOrEqual(grace + 10);
});

test("secrets are credentials, and none is an ordinary variable", () => {
  const credentials = (unit.get("Service.LoadCredential") ?? []).map((line) => line.split(":")[0]);
  const files = [...environment].filter(([name]) => name.endsWith("_FILE"));

  expect(files.map(([, value]) => value.replace("%d/", "")).toSorted()).toEqual(
    credentials.map(String).toSorted(),
  );
  expect([...environment.keys()].filter((name) => /(?:_URL|_TOKENS?|_KEY)$/.test(name))).toEqual(
    [],
  );
});

test("the worker reads every variable that it is given", async () => {
  const table = await Bun.file(join(import.meta.dirname, "../docs/operations.md")).text();

  const unknown = [...environment.keys()].filter(
    (name) => !name.startsWith("BUN_") && !table.includes(`| \`${name.replace(/_FILE$/, "")}\``),
  );

  expect(unknown).toEqual([]);
});
