import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";

import postgres from "postgres";
import { parseAllDocuments } from "yaml";

import { samples, setupHome, useCluster } from "./support/worker-bench.ts";

setDefaultTimeout(120_000);

const folder = join(import.meta.dirname, "../deploy/kubernetes");
const cluster = useCluster();

/** A manifest, read as deep as a test asks. */
interface Manifest {
  readonly kind: string;
  readonly metadata?: { readonly name: string };
  readonly [name: string]: unknown;
}

async function readManifests(name: string): Promise<readonly Manifest[]> {
  const documents = parseAllDocuments(await Bun.file(join(folder, name)).text(), {
    uniqueKeys: true,
  });
  if (!Array.isArray(documents)) throw new Error(`${name} is empty`);
  return documents.map((document) => {
    const [problem] = document.errors;
    if (problem !== undefined) throw problem;
    return document.toJS() as Manifest;
  });
}

/** What stands under a path such as `spec.template.spec.containers.0`. */
function findIn(manifest: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (found, name) =>
        typeof found === "object" && found !== null
          ? (found as Readonly<Record<string, unknown>>)[name]
          : undefined,
      manifest,
    );
}

const [kustomization] = await readManifests("kustomization.yaml");
const resources = findIn(kustomization, "resources") as readonly string[];
const manifests = (await Promise.all(resources.map(readManifests))).flat();
const ofKind = (kind: string): Manifest | undefined =>
  manifests.find((manifest) => manifest.kind === kind);

test("what is applied is all that is there", () => {
  const files = [...new Bun.Glob("*.yaml").scanSync(folder)];

  expect(["kustomization.yaml", ...resources].toSorted()).toEqual(files.toSorted());
  expect(manifests.map(({ kind }) => kind).toSorted()).toEqual([
    "Deployment",
    "Job",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "ScaledObject",
    "ServiceAccount",
    "TriggerAuthentication",
  ]);
});

describe.each(["Deployment", "Job"])("the pod of the %s", (kind) => {
  const pod = findIn(ofKind(kind), "spec.template.spec");

  test.each([
    ["is nobody's root", "securityContext.runAsNonRoot", true],
    ["is the image's user", "securityContext.runAsUser", 1000],
    ["makes ordinary system calls", "securityContext.seccompProfile.type", "RuntimeDefault"],
    ["cannot ask the cluster", "automountServiceAccountToken", false],
    ["gains nothing", "containers.0.securityContext.allowPrivilegeEscalation", false],
    ["writes to no image", "containers.0.securityContext.readOnlyRootFilesystem", true],
    ["has no capabilities", "containers.0.securityContext.capabilities.drop", ["ALL"]],
  ])("%s: %s", (_, path, expected) => {
    expect(findIn(pod, path)).toEqual(expected);
  });

  test("has a limit of memory, and mounts only what it declares", () => {
    const names = (path: string): readonly string[] =>
      (findIn(pod, path) as readonly { readonly name: string }[]).map(({ name }) => name);

    expect(findIn(pod, "containers.0.resources.limits.memory")).toBeString();
    expect(names("containers.0.volumeMounts").toSorted()).toEqual(names("volumes").toSorted());
  });
});

describe("the worker", () => {
  const pod = findIn(ofKind("Deployment"), "spec.template.spec");

  test("has its grace before it is killed", () => {
    const literals = findIn(kustomization, "configMapGenerator.0.literals") as readonly string[];
    const line = literals.find((each) => each.startsWith("WORKER_GRACE_SECONDS="));

    const grace = Number(line?.split("=")[1]);

    expect(Number(findIn(pod, "terminationGracePeriodSeconds"))).toBeGreaterThanOrEqual(grace + 10);
  });

  test("is restarted for its own sake only, and not asked for before it is ready", () => {
    expect(findIn(pod, "containers.0.startupProbe.httpGet.path")).toBe("/livez");
    expect(findIn(pod, "containers.0.livenessProbe.httpGet.path")).toBe("/livez");
    expect(findIn(pod, "containers.0.readinessProbe.httpGet.path")).toBe("/readyz");
  });

  test("never sees the administrator's URL", () => {
    expect(JSON.stringify(pod)).not.toContain("admin-database-url");
  });

  test("is scaled by one hand only", () => {
    const scaled = ofKind("ScaledObject");

    expect(findIn(ofKind("Deployment"), "spec.replicas")).toBeUndefined();
    expect(findIn(scaled, "spec.scaleTargetRef.name")).toBe(ofKind("Deployment")?.metadata?.name);
  });

  test("does not keep its node from being drained", () => {
    expect(findIn(ofKind("PodDisruptionBudget"), "spec.maxUnavailable")).toBe(1);
    expect(findIn(ofKind("PodDisruptionBudget"), "spec.minAvailable")).toBeUndefined();
  });

  test("reads every variable that it is given", async () => {
    const table = await Bun.file(join(import.meta.dirname, "../docs/operations.md")).text();
    const literals = findIn(kustomization, "configMapGenerator.0.literals") as readonly string[];
    const variables = ["Deployment", "Job"].flatMap(
      (kind) =>
        findIn(ofKind(kind), "spec.template.spec.containers.0.env") as readonly {
          readonly name: string;
        }[],
    );
    const names = [
      ...literals.map((each) => each.split("=")[0] ?? ""),
      ...variables.map(({ name }) => name),
    ];

    const unknown = names.filter((name) => !table.includes(`| \`${name.replace(/_FILE$/, "")}\``));

    expect(unknown).toEqual([]);
  });
});

test("the scaler's query counts due and leased jobs, for a login that may read no table", async () => {
  await using home = await setupHome();
  const database = await cluster.createDatabase();
  const worker = { LEARNING_DATABASE_URL: database.urlOf("gustav_worker") };
  const migrated = await home.run(["migrate", "--roles"], {
    LEASEHOLD_ADMIN_DATABASE_URL: database.adminUrl,
  });
  const query = findIn(ofKind("ScaledObject"), "spec.triggers.0.metadata.query") as string;
  const ask = async (): Promise<unknown> => {
    const sql = postgres(database.urlOf("gustav_worker"), { max: 1 });
    await sql`set role gustav_limited`;
    const [row = {}] = await sql.unsafe(query);
    await sql.end({ timeout: 1 });
    return Object.values(row);
  };

  const before = await ask();
  const submitted = await home.run(["submit", join(samples, "text.md")], worker);
  const after = await ask();

  expect([migrated.exitCode, submitted.exitCode]).toEqual([0, 0]);
  expect({ before, after }).toEqual({ before: [0], after: [1] });
});
