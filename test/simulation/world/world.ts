import type { Profile } from "./profile.ts";
import type { Timeline } from "./timeline.ts";

/** What all parts of one simulation share. */
export interface World {
  readonly seed: number;
  readonly profile: Profile;
  readonly timeline: Timeline;
  /** Whether faults happen, still. */
  isFaulty(): boolean;
  /** Ends the simulation: something happened that must not. */
  readonly report: (violation: string) => void;
  /** Adds a line to the story, where somebody wants to read it. */
  tell(line: () => string): void;
}
