import type { DeadLetterRecord, PauseScope } from "@leasehold/core";

import type { Look } from "./look.ts";
import type { OverviewData } from "./page-source.ts";

/** Something that an operator should look at, and where. */
export interface Trouble {
  readonly key: string;
  readonly level: "critical" | "warning";
  readonly sentence: string;
  readonly href: string;
}

const hourMs = 3_600_000;
/** A job that is due for so long is late. */
const lateSeconds = 300;
const deadMax = 5;

/** What needs attention, the worst first. */
export function findTrouble(look: Look, data: OverviewData): readonly Trouble[] {
  const found = [
    ...findMissingWorkers(look, data),
    ...findBreakers(look, data),
    ...findDead(look, data),
    ...findLate(look, data),
    ...findPauses(look, data),
    ...findSchedules(look, data),
  ];
  const isCritical = ({ level }: Trouble): boolean => level === "critical";
  return [...found.filter(isCritical), ...found.filter((each) => !isCritical(each))];
}

function findMissingWorkers(look: Look, { queues, workers }: OverviewData): readonly Trouble[] {
  const { words, figures, root } = look;
  const due = queues.reduce((sum, { state, count }) => sum + (state === "due" ? count : 0), 0);
  const silent = workers.filter(({ state }) => state === "silent").length;
  const href = `${root}workers`;
  const found: Trouble[] = [];
  if (due > 0 && !workers.some(({ state }) => state === "live")) {
    const sentence = words.overview.trouble.noWorker(figures.count(due));
    found.push({ key: "no-worker", level: "critical", sentence, href });
  }
  if (silent > 0) {
    const sentence = words.overview.trouble.silent(figures.count(silent));
    found.push({ key: "silent", level: "warning", sentence, href });
  }
  return found;
}

function findBreakers({ words, root }: Look, { resources }: OverviewData): readonly Trouble[] {
  return resources
    .filter(({ state }) => state !== "closed")
    .map(({ name, code = words.lists.noCode }) => ({
      key: `breaker ${name}`,
      level: "critical",
      sentence: words.overview.trouble.breaker(name, code),
      href: `${root}resources`,
    }));
}

function findDead({ words, figures, root }: Look, data: OverviewData): readonly Trouble[] {
  return data.deadLetters
    .filter(({ lastAt }) => figures.now.getTime() - lastAt.getTime() < hourMs)
    .slice(0, deadMax)
    .map((group) => ({
      key: `dead ${groupKey(group)}`,
      level: group.state === "dead" ? "critical" : "warning",
      sentence: words.overview.trouble.dead(
        figures.count(group.count),
        group.code ?? words.lists.noCode,
        `${group.type}, ${group.phase}`,
      ),
      href: `${root}jobs/${group.sampleId}`,
    }));
}

function findLate({ words, figures, root }: Look, { queues }: OverviewData): readonly Trouble[] {
  return queues
    .filter(({ state, oldestAgeSeconds = 0 }) => state === "due" && oldestAgeSeconds > lateSeconds)
    .map(({ queue, type, oldestAgeSeconds = 0 }) => ({
      key: `late ${queue} ${type}`,
      level: "warning",
      sentence: words.overview.trouble.late(queue, figures.span(oldestAgeSeconds * 1000)),
      href: `${root}queues`,
    }));
}

function findPauses({ words, root }: Look, { pauses }: OverviewData): readonly Trouble[] {
  return pauses.map(({ scope }) => ({
    key: `paused ${sayScope(scope)}`,
    level: "warning",
    sentence: words.overview.trouble.paused(sayScope(scope)),
    href: `${root}queues#pauses`,
  }));
}

function findSchedules({ words, root }: Look, { schedules }: OverviewData): readonly Trouble[] {
  return schedules.flatMap(({ name, warning }) =>
    warning === undefined
      ? []
      : [
          {
            key: `schedule ${name}`,
            level: "warning" as const,
            sentence: words.overview.trouble.schedule(name, words.lists.scheduleWarnings[warning]),
            href: `${root}schedules`,
          },
        ],
  );
}

/** A group's name, the same at every look. */
export function groupKey({ queue, type, phase, state, code }: DeadLetterRecord): string {
  return [code ?? "", queue, type, phase, state].join(" ");
}

/** What is paused, in a word or two. */
export function sayScope(scope: PauseScope): string {
  if ("queue" in scope) return scope.queue;
  if ("tenant" in scope) return scope.tenant;
  if ("resource" in scope) return scope.resource;
  const { type, version, phase } = scope;
  return [`${type}${version === undefined ? "" : `/${version}`}`, phase]
    .filter((part) => part !== undefined)
    .join(" ");
}
