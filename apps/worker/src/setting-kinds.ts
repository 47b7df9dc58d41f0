/** One environment variable: how it is read and how the documentation explains it. */
export interface Setting<Value> {
  readonly name: string;
  /** As the documentation shows it. */
  readonly fallback: string;
  readonly meaning: string;
  /** Never printed, and also read from the file that `<name>_FILE` names. */
  readonly isSecret: boolean;
  /** Undefined: not set. Throws an `Error` whose message says what was expected. */
  read(text: string | undefined): Value;
}

type Description = Pick<Setting<unknown>, "name" | "fallback" | "meaning"> & {
  readonly isSecret?: boolean;
};

/** A setting that is any text. */
export function text(description: Description): Setting<string | undefined> {
  return { isSecret: false, ...description, read: (given) => given };
}

/** A setting that must be one of a few words. */
export function choice<Word extends string>(
  description: Description,
  words: readonly Word[],
): Setting<Word | undefined> {
  return {
    isSecret: false,
    ...description,
    read(given) {
      if (given === undefined) return undefined;
      const word = words.find((candidate) => candidate === given);
      if (word === undefined) throw new Error(`must be ${words.join(" or ")}`);
      return word;
    },
  };
}

/** A setting that must be a number within bounds. */
export function number(
  description: Description,
  bounds: { readonly min: number; readonly max: number; readonly isWhole?: boolean },
): Setting<number | undefined> {
  const { min, max, isWhole = false } = bounds;
  return {
    isSecret: false,
    ...description,
    read(given) {
      if (given === undefined) return undefined;
      const value = Number(given);
      const fits = Number.isFinite(value) && value >= min && value <= max;
      if (!fits || (isWhole && !Number.isInteger(value))) {
        throw new Error(`must be a ${isWhole ? "whole " : ""}number from ${min} to ${max}`);
      }
      return value;
    },
  };
}

/** A setting that is a list, parted by commas or lines. */
export function list(description: Description): Setting<readonly string[]> {
  return {
    isSecret: false,
    ...description,
    read: (given) =>
      (given ?? "")
        .split(/[,\n]/)
        .map((item) => item.trim())
        .filter((item) => item !== ""),
  };
}

/** A setting that names some of a few words, parted by commas, or `none` of them. */
export function some<Word extends string>(
  description: Description,
  words: readonly Word[],
): Setting<readonly Word[] | undefined> {
  const parts = list(description);
  return {
    isSecret: false,
    ...description,
    read(given) {
      if (given === undefined) return undefined;
      if (given === "none") return [];
      const found = parts.read(given).map((part) => words.find((word) => word === part));
      const known = found.filter((word) => word !== undefined);
      if (known.length < Math.max(1, found.length)) {
        throw new Error(`must be none, or some of ${words.join(", ")}, parted by commas`);
      }
      return known;
    },
  };
}
