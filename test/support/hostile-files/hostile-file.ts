import type { Upload } from "../uploads.ts";

/** A file that means no good, or is merely broken, and what must become of its submission. */
export interface HostileFile {
  readonly name: string;
  readonly mediaType: Upload["mediaType"];
  readonly make: () => Uint8Array;
  /** `completed` when it does no harm and a viewer shows something; otherwise the code that it ends with. */
  readonly end: (typeof ends)[number];
}

const ends = ["completed", "input_corrupt", "input_unsupported", "input_too_large"] as const;

/** Stands in every file that has a place for it, and must never be met in a log. */
export const secret = "Xaver Geheimrat";

/** Files by what must become of them. */
export type FilesByEnd = Readonly<
  Partial<Record<HostileFile["end"], Readonly<Record<string, HostileFile["make"]>>>>
>;

/** Names each file of a kind. */
export function listFiles(
  kind: string,
  mediaType: HostileFile["mediaType"],
  files: FilesByEnd,
): readonly HostileFile[] {
  return ends.flatMap((end) =>
    Object.entries(files[end] ?? {}).map(([name, make]) => ({
      name: `${kind} ${name}`,
      mediaType,
      make,
      end,
    })),
  );
}
