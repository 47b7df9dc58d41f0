/** How much of a whole is done. */
export interface Progress {
  readonly label: string;
  readonly done: number;
  /** 0: nobody knows yet. */
  readonly total: number;
  /** The whole in words, such as `5.2 GB`. */
  readonly whole: string;
}

/** How far something is, on a line of its own. */
export interface ProgressLine {
  show(progress: Progress): void;
  /** The same of what has no known end: words that take the place of those before. */
  tell(words: string): void;
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
  const write = (line: string): void => {
    if (line === last) return;
    last = line;
    output.write(output.isTTY === true ? `\r${line}` : `${line}\n`);
  };
  const columns = (): number => output.columns ?? 80;
  return {
    show({ label, done, total, whole }) {
      const share = total > 0 ? Math.min(done / total, 1) : 0;
      const tenth = Math.floor(share * 10) * 10;
      write(
        output.isTTY === true
          ? renderBar({ label, share, whole }, columns())
          : `${label}: ${tenth} %`,
      );
    },
    tell(words) {
      write(output.isTTY === true ? fit(words, columns()) : words);
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
    whole,
  }: { readonly label: string; readonly share: number; readonly whole: string },
  columns: number,
): string {
  const tail = ` ${String(Math.floor(share * 100)).padStart(3)} % of ${whole}`;
  const room = Math.max(columns - label.length - tail.length - 4, 0);
  const width = Math.min(room, 30);
  const filled = Math.round(width * share);
  const bar = `[${"#".repeat(filled)}${"-".repeat(width - filled)}]`;
  return fit(`${label} ${bar}${tail}`, columns);
}

function fit(line: string, columns: number): string {
  return line.slice(0, columns - 1).padEnd(columns - 1);
}

/** Bytes as people say them. */
export function toSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1_000 ** power).toFixed(power < 2 ? 0 : 1)} ${units[power] ?? ""}`;
}
