/** @jsxImportSource hono/jsx */
import type { AttemptTrace, JobTimeline, Json, PhaseRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import { sayOutcome } from "./advice.ts";
import type { Look } from "./look.ts";
import { Code, Facts, Moment, ShownOf } from "./pieces.tsx";
import { DataTable } from "./table.tsx";

/** The last ones of a phase; the chart above them shows all. */
const attemptsMax = 50;

interface TimelineProps {
  readonly look: Look;
  readonly job: JobTimeline;
}

/** A job's phases in order; in each its attempts, and where its result comes from. */
export function Timeline({ look, job }: TimelineProps): JSX.Element {
  if (job.phases.length === 0) return <p class="empty">{look.words.job.noAttempts}</p>;
  return (
    <ol class="phases">
      {job.phases.map((phase) => (
        <Phase look={look} job={job} phase={phase} />
      ))}
    </ol>
  );
}

type PhaseState = keyof Look["words"]["job"]["phaseStates"];

interface PhaseProps extends TimelineProps {
  readonly phase: PhaseRecord;
}

function stateOf({ job, phase }: PhaseProps): PhaseState {
  if (phase.isSkipped) return "skipped";
  if (phase.savedAt !== undefined) return "done";
  if (phase.phase !== job.phase) return "open";
  return job.finishedAt === undefined ? "current" : "ended";
}

function Phase(props: PhaseProps): JSX.Element {
  const { look, job, phase } = props;
  const { words, figures } = look;
  const state = stateOf(props);
  const attempts = job.attempts.filter((attempt) => attempt.phase === phase.phase);
  return (
    <li class={`phase phase-${state}`} data-key={phase.phase}>
      <h3>
        <Code>{phase.phase}</Code> <span class="note">{words.job.phaseStates[state]}</span>
        {phase.parts > 0 && (
          <span class="note"> · {words.job.parts(figures.count(phase.parts))}</span>
        )}
      </h3>
      {attempts.length > 0 && (
        <>
          <AttemptChart look={look} job={job} attempts={attempts} />
          <Attempts look={look} attempts={attempts.slice(-attemptsMax)} title={phase.phase} />
          <ShownOf look={look} shown={attemptsMax} all={attempts.length} />
        </>
      )}
      {phase.provenance !== undefined && !phase.isSkipped && (
        <details class="provenance">
          <summary>{words.job.provenance}</summary>
          <Facts facts={flatten(phase.provenance)} />
        </details>
      )}
    </li>
  );
}

function Attempts(props: {
  readonly look: Look;
  readonly attempts: readonly AttemptTrace[];
  readonly title: string;
}): JSX.Element {
  const { look, attempts, title } = props;
  const { words, figures } = look;
  const { fields } = words;
  return (
    <DataTable
      caption={`${fields.attempts}: ${title}`}
      rows={attempts}
      keyOf={({ attempt }) => String(attempt)}
      empty=""
      columns={[
        {
          head: fields.attempt,
          isTitle: true,
          cell: ({ attempt }) => words.job.attempt(figures.count(attempt)),
        },
        {
          head: fields.outcome,
          cell: ({ outcome }) => (
            <span class={`badge state-${toneOf(outcome)}`}>
              {outcome === undefined ? words.states.leased : sayOutcome(words, outcome)}
            </span>
          ),
        },
        { head: fields.code, cell: ({ code }) => code !== undefined && <Code>{code}</Code> },
        { head: fields.worker, cell: ({ worker }) => <Code>{worker}</Code> },
        {
          head: fields.started,
          cell: ({ startedAt }) => startedAt !== undefined && <Moment look={look} at={startedAt} />,
        },
        { head: fields.took, isNumber: true, cell: (attempt) => took(look, attempt) },
      ]}
    />
  );
}

function took({ figures }: Look, { startedAt, finishedAt }: AttemptTrace): string {
  if (startedAt === undefined) return "";
  const end = finishedAt ?? figures.now;
  return figures.span(Math.max(0, end.getTime() - startedAt.getTime()));
}

/** The colours of states tell how attempts ended, too. */
function toneOf(outcome: string | undefined): string {
  switch (outcome) {
    case undefined:
      return "leased";
    case "completed":
      return "completed";
    case "released":
    case "cancelled":
      return "delayed";
    case "retried":
      return "failed";
    default:
      return "dead";
  }
}

const chartWidth = 600;
const chartHeight = 14;
/** An attempt that took no time is seen all the same. */
const barWidthMin = 3;

/** When each attempt ran, on the time that the whole job took. */
function AttemptChart(
  props: TimelineProps & { readonly attempts: readonly AttemptTrace[] },
): JSX.Element {
  const { look, job, attempts } = props;
  const { words, figures } = look;
  const start = job.createdAt.getTime();
  const end = Math.max(start + 1, (job.finishedAt ?? figures.now).getTime());
  const toX = (at: Date): number =>
    Math.round(((at.getTime() - start) / (end - start)) * chartWidth * 10) / 10;
  return (
    <svg
      class="attempts-chart"
      viewBox={`0 0 ${chartWidth} ${chartHeight}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={words.job.timelineChart(
        figures.count(attempts.length),
        figures.span(end - start),
      )}
    >
      <rect class="share-ground" x="0" y="6" width={chartWidth} height="2" />
      {attempts.map(({ startedAt, finishedAt, outcome }) => {
        if (startedAt === undefined) return null;
        const x = Math.min(toX(startedAt), chartWidth - barWidthMin);
        const width = Math.max(barWidthMin, toX(finishedAt ?? figures.now) - x);
        return (
          <rect
            class={`tone-${toneOf(outcome)}`}
            x={Math.max(0, x)}
            y="1"
            width={Math.min(width, chartWidth - Math.max(0, x))}
            height={chartHeight - 2}
          />
        );
      })}
    </svg>
  );
}

const depthMax = 4;
const factsMax = 60;

/** Provenance is plain data of any shape: its leaves, each with the way to it. */
function flatten(
  value: Json | Readonly<Record<string, Json>>,
  path = "",
): readonly (readonly [string, string])[] {
  if (typeof value !== "object" || value === null || path.split(".").length > depthMax) {
    return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
  }
  return Object.entries(value)
    .flatMap(([name, inner]) => flatten(inner, path === "" ? name : `${path}.${name}`))
    .slice(0, factsMax);
}
