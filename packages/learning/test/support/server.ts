import { afterAll } from "bun:test";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";

import { type EmbeddedPostgres, startEmbeddedPostgres } from "@leasehold/embedded-postgres";

/** Joins the server that all test processes share. */
export function joinServer(): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir: join(tmpdir(), `leasehold-tests-${userInfo().uid}`),
    durability: "none",
  });
}

/** Joins it at the first call, and leaves after the file's last test. */
export function useServer(): () => Promise<EmbeddedPostgres> {
  let joined: Promise<EmbeddedPostgres> | undefined;
  afterAll(async () => {
    await (await joined)?.stop();
  });
  return () => (joined ??= joinServer());
}
