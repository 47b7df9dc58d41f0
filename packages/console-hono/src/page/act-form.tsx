/** @jsxImportSource hono/jsx */
import type { JSX } from "hono/jsx/jsx-runtime";

import type { Act } from "./acts.ts";
import type { Look } from "./look.ts";

export interface ActFormProps {
  readonly look: Look;
  readonly act: Act;
  readonly label: string;
  /** What the act is done to, for whoever hears the buttons one by one. */
  readonly subject: string;
  /** What is asked before it is done. */
  readonly question: string;
  /** What follows from it, in a sentence or two. */
  readonly consequence: string;
  /** What is said when it is done. The answer's numbers are put where their names stand in braces. */
  readonly done: string;
  /** Whether the operator is asked why. Default: not at all. */
  readonly reason?: "optional" | "required";
  /** It is what most who come here want. Default: `false`. */
  readonly isMain?: boolean;
}

/**
 * A button that asks first and then posts JSON. Whoever may not act sees none.
 *
 * The dialog that asks is one for the whole document, and is filled from here.
 */
export function ActForm(props: ActFormProps): JSX.Element {
  const { look, act, label, subject, question, consequence, done, reason, isMain } = props;
  if (!look.mayAct) return <></>;
  return (
    <form
      class="act needs-script"
      method="post"
      data-path={`${look.root}${act.path}`}
      data-body={JSON.stringify(act.body)}
      data-question={question}
      data-consequence={consequence}
      data-label={label}
      data-done={done}
      data-reason={reason ?? "none"}
    >
      <button type="submit" class={isMain === true ? "strong" : ""}>
        {label}
        <span class="unseen"> {subject}</span>
      </button>
    </form>
  );
}
