import { wordsDe } from "./words-de.ts";
import { wordsEn } from "./words-en.ts";
import type { Language, Words } from "./words.ts";

const dictionaries: Readonly<Record<Language, Words>> = { en: wordsEn, de: wordsDe };

/** All of them, for the switch. */
export const languages: readonly Words[] = Object.values(dictionaries);

export const languageCookie = "leasehold_console_language";

export function isLanguage(value: unknown): value is Language {
  return value === "en" || value === "de";
}

/** The words of whoever asks: what they chose, else what their browser says, else English. */
export function chooseWords(chosen: string | undefined, accepted: string | undefined): Words {
  if (isLanguage(chosen)) return dictionaries[chosen];
  return dictionaries[readAccepted(accepted ?? "") ?? "en"];
}

/** The first of ours in the order that the browser wishes. */
function readAccepted(header: string): Language | undefined {
  return header
    .split(",", acceptedMax)
    .map((part, index) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const weight = parameters.map((each) => /^\s*q=([\d.]+)\s*$/.exec(each)?.[1]).find(Boolean);
      return { language: tag.split("-")[0], weight: Number(weight ?? 1), index };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((left, right) => right.weight - left.weight || left.index - right.index)
    .map(({ language }) => language)
    .find(isLanguage);
}

/** More than this nobody wishes for. */
const acceptedMax = 20;
