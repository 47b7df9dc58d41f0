import { z } from "zod";

type Issue = z.core.$ZodIssue;

/**
 * Says what is wrong with an answer, for the model that gave it.
 *
 * Of an alternative that fits in none of its forms, only the form that comes closest is explained: "invalid input" would
 * tell a model nothing.
 */
export function explainIssues(error: z.ZodError): string {
  return z.prettifyError(new z.ZodError(error.issues.flatMap(openAlternatives)));
}

function openAlternatives(issue: Issue): readonly Issue[] {
  if (issue.code !== "invalid_union") return [issue];
  const forms = issue.errors.map((issues) => issues.flatMap(openAlternatives));
  const [closest] = forms.toSorted((a, b) => a.length - b.length);
  if (closest === undefined || closest.length === 0) return [issue];
  return closest.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}
