import { expect, setDefaultTimeout, test } from "bun:test";
import { chmod, mkdir, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";

import { startEmbeddedPostgres } from "@leasehold/embedded-postgres";
import postgres from "postgres";

import { isCurlMissing } from "./support/curl.ts";
import { type FakeOllama, models, startFakeOllama } from "./support/fake-ollama.ts";
import { readBlocks, type RunbookBlock, toForm } from "./support/runbook.ts";
import { openShell, type ShellSession } from "./support/shell-session.ts";
import { createTemporaryDirectory } from "./support/temporary-directory.ts";
import { root } from "./support/worker-bench.ts";

setDefaultTimeout(1_500_000);

const document = "docs/operations.md";
const patienceMs = 180_000;

interface Machine extends AsyncDisposable {
  readonly shell: ShellSession;
  /** Runs statements as the login of the private Postgres. */
  query(statements: string): Promise<unknown>;
}

/** A machine that has Bun, curl and a server that answers as Ollama does, and nothing else of ours. */
async function setup(): Promise<Machine> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await createTemporaryDirectory());
  // The private Postgres of somebody who is root runs as another user, who must get through.
  await chmod(folder.path, 0o711);
  const [bin, temporary] = [join(folder.path, "bin"), join(folder.path, "tmp")];
  await Promise.all([mkdir(bin), mkdir(temporary)]);
  await symlink(process.execPath, join(bin, "bun"));
  const dataDir = join(folder.path, "data");
  const ollama = stack.use(await startFakeOllama({ script: pullAll }));
  // Joined, so that it outlives each command, as it does beside a worker.
  const database = stack.use(await startEmbeddedPostgres({ dataDir }));
  const sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  stack.defer(() => sql.end({ timeout: 1 }));
  const shell = stack.use(
    openShell({
      cwd: root,
      folder: temporary,
      patienceMs,
      env: {
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
        HOME: folder.path,
        TMPDIR: temporary,
        LEASEHOLD_DATA_DIR: dataDir,
        LEASEHOLD_HTTP_PORT: String(await findPort()),
        ...modelVariables(ollama),
      },
    }),
  );
  const resources = stack.move();
  return {
    shell,
    query: (statements) => sql.unsafe(statements),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

function pullAll({ kind }: { readonly kind: string }) {
  const lines = [
    '{"status":"pulling a","digest":"a","total":10,"completed":10}',
    '{"status":"success"}',
  ];
  return kind === "pull"
    ? ({ kind: "stream", pieces: [], lines, end: "close" } as const)
    : undefined;
}

/** What an operator has in `.env`. The worker of the page keeps the stub. */
function modelVariables({ url }: FakeOllama): Readonly<Record<string, string>> {
  return {
    OLLAMA_BASE_URL: url,
    AI_VISION_MODEL: models.vision,
    AI_FEEDBACK_MODEL: models.feedback,
  };
}

async function findPort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// The reason is printed by what looks for it: skipped: no curl.
test.skipIf(isCurlMissing)(
  "every block of the runbook runs, and says what its sample says",
  async () => {
    const blocks = readBlocks(await Bun.file(join(root, document)).text());
    await using machine = await setup();
    const shown = { output: "" };

    const ran: string[] = [];
    for (const block of blocks) {
      if (block.noRun !== undefined) continue;
      const problem = await follow(machine, block, shown);
      expect({ place: `${document}:${block.line}`, problem }).toEqual({
        place: `${document}:${block.line}`,
        problem: undefined,
      });
      ran.push(block.language);
    }

    expect(ran.filter((language) => language === "sh").length).toBeGreaterThan(30);
    expect(ran.filter((language) => language === "text").length).toBeGreaterThan(8);
  },
);

/** Does what a block says; answers what is wrong. `shown` is what the last commands said. */
async function follow(
  machine: Machine,
  { language, code }: RunbookBlock,
  shown: { output: string },
): Promise<string | undefined> {
  if (language === "text") {
    const [is, said] = [toForm(shown.output), toForm(code)];
    return is === said ? undefined : `says\n${is}\ninstead of\n${said}`;
  }
  if (language === "sql") {
    return await machine.query(code).then(
      () => undefined,
      (error: unknown) => String(error),
    );
  }
  const { exitCode, output } = await machine.shell.run(code);
  shown.output = output;
  return exitCode === 0 ? undefined : `${exitCode ?? "no end"}:\n${code}\n${output}`;
}
