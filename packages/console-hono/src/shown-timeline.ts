import type { JobTimeline } from "@leasehold/core";

/** In a provenance, the hash of what was asked: whoever guesses a text would see there that he guessed right. */
const question = "question";

/** The timeline as everybody may see it who may look. */
export function showTimeline(timeline: JobTimeline): JobTimeline {
  const phases = timeline.phases.map((phase) => {
    if (phase.provenance === undefined) return phase;
    const { [question]: _question, ...provenance } = phase.provenance;
    return { ...phase, provenance };
  });
  return { ...timeline, phases };
}
