import { afterAll, describe, test } from "bun:test";

import { createMediaPreparer } from "@leasehold/learning";
import * as example from "example-custom-adapter";

import { startModelServer } from "./kits/model-server.ts";
import { registerKits } from "./kits/register-kits.ts";

const server = await startModelServer();
const media = createMediaPreparer();
afterAll(async () => {
  await media.close();
  await server[Symbol.asyncDispose]();
});

// The same runs on Node, against the tarballs: see packaging.test.ts.
registerKits({ describe, test }, { server, media, example });
