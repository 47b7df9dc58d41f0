import { type Literal, readSource, type SourceText } from "./source-text.ts";

/** The text of each file, by its path from the root. */
export type Project = ReadonlyMap<string, string>;

/** Files of a small project that was made up to try a rule on, by path. */
export type Sample = Readonly<Record<string, string>>;

/** One of our own rules, with the cases that prove that it can fail. */
export interface Rule {
  readonly name: string;
  /** Answers where the project breaks the rule, and how. */
  readonly check: (project: Project) => readonly string[];
  /** Each of them breaks the rule once. */
  readonly planted: readonly [Sample, ...Sample[]];
  /** None of them breaks it, however much they look like it. */
  readonly clean: readonly [Sample, ...Sample[]];
}

/** Something that a rule found in a file. */
export interface Finding {
  readonly text: string;
  readonly index: number;
}

/** Which files a rule looks at, and how it looks at one of them. */
export interface FileCheck {
  readonly files: RegExp;
  readonly except?: RegExp;
  readonly find: (text: string, path: string, project: Project) => readonly Finding[];
}

/** Makes a check of a whole project from a check of one file. */
export function eachFile({ files, except, find }: FileCheck): Rule["check"] {
  return (project) =>
    [...project]
      .filter(([path]) => files.test(path) && except?.test(path) !== true)
      .flatMap(([path, text]) =>
        find(text, path, project).map((finding) => {
          const line = text.slice(0, finding.index).split("\n").length;
          return `${path}:${line} ${finding.text.trim().split("\n")[0]}`;
        }),
      );
}

/** The same for TypeScript, which is looked at without its comments. */
export function eachSource(
  check: Omit<FileCheck, "find"> & {
    readonly find: (source: SourceText, path: string, project: Project) => readonly Finding[];
  },
): Rule["check"] {
  return eachFile({
    ...check,
    find: (text, path, project) => check.find(readSource(text), path, project),
  });
}

/** Finds every match of a pattern. */
export function findAll(pattern: RegExp, text: string): readonly Finding[] {
  return [...text.matchAll(pattern)].map((found) => ({ text: found[0], index: found.index }));
}

/** Finds the literals that a predicate holds for. */
export function findLiterals(
  literals: readonly Literal[],
  predicate: (text: string) => boolean,
): readonly Finding[] {
  return literals.filter(({ text }) => predicate(text));
}

/** Makes samples of one file each, all under the same path. */
export function at(path: string, first: string, ...others: readonly string[]): Rule["planted"] {
  return [{ [path]: first }, ...others.map((text) => ({ [path]: text }))];
}

/** Puts the same files beside each sample. */
export function beside(
  files: Sample,
  [first, ...others]: readonly [Sample, ...Sample[]],
): Rule["planted"] {
  return [{ ...files, ...first }, ...others.map((sample) => ({ ...files, ...sample }))];
}
