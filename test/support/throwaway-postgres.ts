import { afterAll } from "bun:test";

import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from "@leasehold/embedded-postgres";

import { createTemporaryDirectory } from "./temporary-directory.ts";

/** Which programs the server is made of. */
export type ServerOptions = Pick<EmbeddedPostgresOptions, "binFolder">;

/** Gives a test file a server of its own, started at the first call and removed after the file's last test. */
export function useThrowawayPostgres(options: ServerOptions = {}): () => Promise<EmbeddedPostgres> {
  let opened: Promise<EmbeddedPostgres> | undefined;
  afterAll(async () => await (await opened)?.stop());
  return async () => await (opened ??= startThrowawayPostgres(options));
}

/** A server in a folder that goes with it. Other processes may join it there. */
export async function startThrowawayPostgres(
  options: ServerOptions = {},
): Promise<EmbeddedPostgres> {
  const folder = await createTemporaryDirectory();
  const server = await startEmbeddedPostgres({
    ...options,
    dataDir: folder.path,
    durability: "none",
  });
  const stop = async (): Promise<void> => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  };
  return { ...server, stop, [Symbol.asyncDispose]: stop };
}
