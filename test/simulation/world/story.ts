import type { Statement } from "./statement.ts";

/** Virtual time, as minutes, seconds and milliseconds. */
export function formatTime(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3);
  return `${String(minutes).padStart(2, "0")}:${seconds.padStart(6, "0")}`;
}

/** A statement, as one line of a story. */
export function tellStatement(statement: Statement): string {
  return `${statement.process?.name ?? "the host"} ${statement.name} ${tellBody(statement)}`;
}

function tellBody(statement: Statement): string {
  switch (statement.name) {
    case "ask":
      return "";
    case "claimJobs": {
      const jobs = statement.jobs.map(
        ({ jobId, publicId, attempt, solo }) =>
          `${publicId} (#${jobId}) attempt ${attempt}${solo ? " alone" : ""}`,
      );
      const { request, standing } = statement;
      const resource =
        standing === undefined || !("resource" in request)
          ? ""
          : ` of ${request.resource} (${standing.state}, ${standing.places ?? "any"})`;
      return `${request.token}${resource}: ${jobs.join(", ") || "none"}`;
    }
    case "peekLanes":
      return statement.lanes.join(", ");
    case "abandonClaim":
      return statement.token;
    case "renewLeases":
      return statement.leases
        .map(({ jobId }) => `#${jobId} ${statement.answers.get(jobId) ?? "lost"}`)
        .join(", ");
    case "lapseLeases":
      return statement.lapsed
        .map(({ publicId, attempt, state, code }) => `${publicId} ${attempt} ${state} (${code})`)
        .join(", ");
    case "enqueueJobs":
    case "cancelJob":
    case "requeueJob":
      return `${statement.publicId}: ${statement.answer}`;
    case "startJob":
    case "savePart":
    case "commit":
      return `#${statement.lease.jobId}: ${statement.answer}`;
    default: {
      const { lease, answer } = statement;
      return `#${lease.jobId}: ${answer.outcome} ${answer.state} in ${answer.delayMs} ms`;
    }
  }
}
