/** How far something is, on a line of its own. */
export interface ProgressLine {
  show(progress: {
    readonly label: string;
    readonly bytesDone: number;
    readonly bytesTotal: number;
  }): void;
  /** Leaves the line as it is and begins a new one. */
  end(): void;
}

/** What a line is written to: `process.stderr` fits. */
export interface LineOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** For people a bar that grows; for a log a line at every tenth. */
export function createProgressLine(output: LineOutput): ProgressLine {
  let last = "";
  return {
    show({ label, bytesDone, bytesTotal }) {
      const share = bytesTotal > 0 ? Math.min(bytesDone / bytesTotal, 1) : 0;
      const tenth = Math.floor(share * 10) * 10;
      const line =
        output.isTTY === true
          ? renderBar({ label, share, bytesTotal }, output.columns ?? 80)
          : `${label}: ${tenth} %`;
      if (line === last) return;
      last = line;
      output.write(output.isTTY === true ? `\r${line}` : `${line}\n`);
    },
    end() {
      if (output.isTTY === true && last !== "") output.write("\n");
      last = "";
    },
  };
}

/** A label, a bar and a percentage that fit a line and leave nothing of the one before. */
export function renderBar(
  {
    label,
    share,
    bytesTotal,
  }: { readonly label: string; readonly share: number; readonly bytesTotal: number },
  columns: number,
): string {
  const tail = ` ${String(Math.floor(share * 100)).padStart(3)} % of ${toSize(bytesTotal)}`;
  const room = Math.max(columns - label.length - tail.length - 4, 0);
  const width = Math.min(room, 30);
  const filled = Math.round(width * share);
  const bar = `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
  return `${label} ${bar}${tail}`.slice(0, columns - 1).padEnd(columns - 1);
}

/** Bytes as people say them. */
export function toSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1_000 ** power).toFixed(power < 2 ? 0 : 1)} ${units[power] ?? ""}`;
}
