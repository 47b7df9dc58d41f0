import nodeCrypto from "node:crypto";

import scriptText from "./assets/console.script.js" with { type: "text" };
import iconText from "./assets/icon.svg" with { type: "text" };

import styleText from "./assets/console.css" with { type: "text" };

/** A file that browsers may keep for ever, because its name changes with what is in it. */
export interface Asset {
  /** From where the console is mounted. */
  readonly path: string;
  readonly contentType: string;
  readonly text: string;
}

export const styleAsset: Asset = toAsset("css", "text/css; charset=utf-8", styleText);
export const scriptAsset: Asset = toAsset("js", "text/javascript; charset=utf-8", scriptText);
export const iconAsset: Asset = toAsset("svg", "image/svg+xml", iconText);

function toAsset(ending: string, contentType: string, text: string): Asset {
  const hash = nodeCrypto.createHash("sha256").update(text).digest("hex").slice(0, 16);
  return { path: `assets/console-${hash}.${ending}`, contentType, text };
}
