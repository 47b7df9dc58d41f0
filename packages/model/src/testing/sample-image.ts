import { Buffer } from "node:buffer";

import type { ModelImage } from "../model.ts";

/** A white picture of 32 by 32, as small as a PNG gets that every decoder takes. */
export const samplePng: ModelImage = {
  mediaType: "image/png",
  width: 32,
  height: 32,
  bytes: new Uint8Array(
    Buffer.from(
      "iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAJklEQVR42u3NMQ0AAAwDoPo33arYsQQMkB6LQCAQCAQCgUAg+BIMi1X0ptsIcT0AAAAASUVORK5CYII=",
      "base64",
    ),
  ),
};
