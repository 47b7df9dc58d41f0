import { afterAll } from "bun:test";

import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "@leasehold/embedded-postgres";

import { createTemporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";

/** Which programs the server is made of. */
export type ServerOptions = Pick<EmbeddedPostgresOptions, "binFolder">;

/** Gives a test file a server of its own, started at the first call and removed after the file's last test. */
export function useThrowawayPostgres(options: ServerOptions = {}): () => Promise<EmbeddedPostgres> {
  let opened: Promise<OpenServer> | undefined;
  afterAll(async () => {
    const open = await opened;
    await open?.server.stop();
    await open?.folder[Symbol.asyncDispose]();
  });
  return async () => (await (opened ??= openServer(options))).server;
}

interface OpenServer {
  readonly server: EmbeddedPostgres;
  readonly folder: TemporaryDirectory;
}

async function openServer(options: ServerOptions): Promise<OpenServer> {
  const folder = await createTemporaryDirectory();
  const server = await startEmbeddedPostgres({
    ...options,
    dataDir: folder.path,
    durability: "none",
  });
  return { server, folder };
}
