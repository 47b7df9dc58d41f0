import { afterAll } from "bun:test";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";

import { createTemporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";

/** Gives a test file a server of its own, started at the first call and removed after the file's last test. */
export function useThrowawayPostgres(): () => Promise<EmbeddedPostgres> {
  let opened: Promise<OpenServer> | undefined;
  afterAll(async () => {
    const open = await opened;
    await open?.server.stop();
    await open?.folder[Symbol.asyncDispose]();
  });
  return async () => (await (opened ??= openServer())).server;
}

interface OpenServer {
  readonly server: EmbeddedPostgres;
  readonly folder: TemporaryDirectory;
}

async function openServer(): Promise<OpenServer> {
  const folder = await createTemporaryDirectory();
  const server = await startEmbeddedPostgres({ dataDir: folder.path, durability: "none" });
  return { server, folder };
}
