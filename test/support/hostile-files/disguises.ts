import { type HostileFile, listFiles, secret } from "./hostile-file.ts";

/** What is none of the three formats, whatever it is called. */
const others: Readonly<Record<string, () => Uint8Array>> = {
  "that is a text": () => Buffer.from(secret),
  "that is a drawing with a script in it": () =>
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg"><script>${secret}</script></svg>`),
  "that is an archive": () => Buffer.from(`PK\u0003\u0004${secret}`, "latin1"),
  "that is a program": () => Buffer.from(`\u007fELF${secret}`, "latin1"),
  "that moves in an old way": () =>
    Buffer.from(`GIF89a\u0001\0\u0001\0\0\0\0,${secret};`, "latin1"),
  "of another camera": () => Buffer.from(`\0\0\0\u0018ftypheic\0\0\0\0${secret}`, "latin1"),
};

/** Files under names that are not theirs. */
export const disguises: readonly HostileFile[] = [
  ...listFiles("a PNG", "image/png", { input_unsupported: others }),
  ...listFiles("a JPEG", "image/jpeg", {
    input_corrupt: { "that is a PNG": () => Buffer.from("\u0089PNG\r\n\u001A\n", "latin1") },
  }),
];
