/** One fenced block of a document. */
export interface RunbookBlock {
  readonly language: string;
  /** Why nothing runs it. */
  readonly noRun: string | undefined;
  readonly code: string;
  /** Where its fence stands, from 1. */
  readonly line: number;
}

/** The fenced blocks of a document, in order. */
export function readBlocks(markdown: string): readonly RunbookBlock[] {
  return [...markdown.matchAll(/^```(\w+)(?: no-run: (.+))?\n([^]*?)^```$/gm)].map((match) => {
    const [, language = "", noRun, code = ""] = match;
    const line = markdown.slice(0, match.index).split("\n").length;
    return { language, noRun, code, line };
  });
}

/** What is the same in every run of a command: ids, times and numbers are not, nor is how wide a column came to be. */
export function toForm(output: string): string {
  return output
    .trim()
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>")
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| UTC)?/g, "<time>")
    .replaceAll(/[\w.-]+:\d+:[0-9a-f]{8}\b/g, "<worker>")
    .replaceAll(/\d+/g, "#")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/ $/gm, "");
}

/** A command that the document has somebody type, in words. */
export interface RunbookCommand {
  readonly words: readonly string[];
  readonly line: number;
}

/** Every call of the worker's command line in blocks of a shell, also of those that are not run. */
export function readCommands(blocks: readonly RunbookBlock[]): readonly RunbookCommand[] {
  return blocks
    .filter(({ language }) => language === "sh")
    .flatMap(({ code, line }) =>
      [...code.matchAll(/bun run apps\/worker([^|>&;)\n#]*)/g)].map(([, text = ""]) => ({
        // What stands in quotes is one word, whatever it is.
        words: text
          .replaceAll(/'[^']*'|"[^"]*"/g, "quoted")
          .split(" ")
          .filter(Boolean),
        line,
      })),
    );
}
