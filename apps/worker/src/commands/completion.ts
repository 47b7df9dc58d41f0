import complete from "@bomb.sh/tab/commander";
import type { Command } from "commander";

/**
 * Adds `completion <shell>`, which prints a script, and the hidden command that the script asks. Called last: it reads
 * what the other commands are.
 */
export function addCompletion(program: Command): void {
  complete(program, { completionCommandName: "completion" });
}
