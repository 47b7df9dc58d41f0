import { ModelError } from "@leasehold/model";

/** Watches an answer grow, and notices when the model says the same again and again. */
export interface LoopGuard {
  /** Throws `output_runaway` when the answer goes round in circles. */
  add(piece: string): void;
}

/**
 * Characters that a repetition must cover before it counts as one: two or three closely written pages.
 *
 * Far more than a worksheet has of dots or lines to write on, far less than a model would write until its limit.
 */
export const loopCharactersMin = 3_000;

/** The longest piece whose repetition is looked for: a long line, or a few short ones. */
const periodCharactersMax = 400;

/** How much an answer grows between two looks at it. */
const lookEveryCharacters = 500;

/** Starts to watch one answer. */
export function createLoopGuard(resource: string): LoopGuard {
  let tail = "";
  let unseen = 0;
  return {
    add(piece) {
      // No more than what is looked at, however large a piece is.
      tail = (tail + piece).slice(-loopCharactersMin);
      unseen += piece.length;
      if (tail.length < loopCharactersMin || unseen < lookEveryCharacters) return;
      unseen = 0;
      if (findPeriod(tail) <= periodCharactersMax) throw toLoopError(resource);
    },
  };
}

/**
 * The length of the shortest piece that a text is a repetition of, its own length when it is none.
 *
 * By the failure function of Knuth, Morris and Pratt: one pass, whatever the text.
 */
function findPeriod(text: string): number {
  const borders = new Uint16Array(text.length);
  let border = 0;
  for (let index = 1; index < text.length; index += 1) {
    while (border > 0 && text.charCodeAt(index) !== text.charCodeAt(border)) {
      border = borders[border - 1] ?? 0;
    }
    if (text.charCodeAt(index) === text.charCodeAt(border)) border += 1;
    borders[index] = border;
  }
  return text.length - border;
}

function toLoopError(resource: string): ModelError {
  return new ModelError(
    "output_runaway",
    `Ollama (${resource}): the model repeats itself and does not come to an end.`,
    { scope: "job", retryable: true, adapterCode: "loop_detected" },
  );
}
