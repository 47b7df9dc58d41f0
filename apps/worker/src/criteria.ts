import { WorkerError } from "@leasehold/core";
import type { NewSubmission } from "@leasehold/learning";

export type Criterion = NonNullable<NewSubmission["criteria"]>[number];

/** As many as a submission may have. */
const criteriaMax = 20;

/** Reads what `--criterion` was given: a name, or `name:points`. Throws `input_invalid` and says what was expected. */
export function toCriteria(texts: readonly string[]): readonly Criterion[] {
  if (texts.length > criteriaMax) {
    throw new WorkerError("input_invalid", `--criterion may be given ${criteriaMax} times.`);
  }
  return texts.map(toCriterion);
}

function toCriterion(text: string): Criterion {
  const [, name, points] = /^(.*?)(?::(\d+))?$/s.exec(text) ?? [];
  if (name === undefined || name.trim() === "") {
    throw new WorkerError("input_invalid", "--criterion must be a name, or name:points.");
  }
  if (points === undefined) return name.trim();
  const maxScore = Number(points);
  if (maxScore < 1 || maxScore > 10) {
    throw new WorkerError("input_invalid", `--criterion ${name}: points must be from 1 to 10.`);
  }
  return { name: name.trim(), maxScore };
}
