import { mayBeMissing } from "./may-be-missing.ts";
const program = Bun.which("curl");

/** A machine that checks everything must not pass because a tool was missing: there the tests fail instead. */
export const isCurlMissing: boolean = program === null && mayBeMissing;
if (isCurlMissing) process.stderr.write("skipped: curl is not installed\n");

/** What curl shows of an answer. */
export interface CurlAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Asks as an operator does at a terminal. */
export async function curl(url: string, ...options: readonly string[]): Promise<CurlAnswer> {
  const child = Bun.spawn([program ?? "curl", "-sS", "-i", "--max-time", "30", ...options, url], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const answer = await new Response(child.stdout).text();
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new Error(`curl ended with ${exitCode}.`);
  const end = answer.indexOf("\r\n\r\n");
  const [status = "", ...lines] = answer.slice(0, end).split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  return {
    status: Number(status.split(" ")[1]),
    headers: new Headers(headers),
    text: answer.slice(end + 4),
  };
}
