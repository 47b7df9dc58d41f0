/** @jsxImportSource hono/jsx */
import type { JobFilter } from "@leasehold/core";
import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

import type { Look } from "./look.ts";
import type { StateWord } from "./words.ts";

/** A moment as people say it, with the exact one for whoever wants it. */
export function Moment(props: { readonly look: Look; readonly at: Date | undefined }): JSX.Element {
  const { look, at } = props;
  if (at === undefined) return <></>;
  return (
    <time datetime={at.toISOString()} title={look.figures.absolute(at)}>
      {look.figures.relative(at)}
    </time>
  );
}

const marks: Readonly<Record<StateWord, string>> = {
  due: "○",
  delayed: "◷",
  queued: "○",
  waiting: "◇",
  leased: "▶",
  completed: "✓",
  failed: "✕",
  dead: "✕",
  cancelled: "–",
  live: "●",
  silent: "?",
  stopped: "–",
  closed: "●",
  open: "✕",
  half_open: "◑",
  paused: "‖",
};

/** A state as a word with a sign: colour alone would say nothing to some. */
export function StateBadge(props: { readonly look: Look; readonly state: StateWord }): JSX.Element {
  const { look, state } = props;
  return (
    <span class={`badge state-${state}`}>
      <span aria-hidden="true">{marks[state]}</span> {look.words.states[state]}
    </span>
  );
}

/** A code or a name of ours, set apart from prose. */
export function Code({ children }: { readonly children?: Child }): JSX.Element {
  const isShort = typeof children === "string" && children.length <= shortMax;
  return (
    <code translate="no" class={isShort ? "short" : ""}>
      {children}
    </code>
  );
}

/** What is no longer than this is not broken into lines. */
const shortMax = 24;

/** What a job is, and where it stands or ended. */
export function Place(props: {
  readonly look: Look;
  readonly type: string;
  readonly phase: string;
  readonly queue: string;
}): JSX.Element {
  const { look, type, phase, queue } = props;
  const { fields } = look.words;
  return (
    <>
      <Code>{type}</Code>
      <span class="advice">
        {fields.phase} <Code>{phase}</Code>, {fields.queue} <Code>{queue}</Code>
      </span>
    </>
  );
}

/** A job's id as a link to its page; the beginning is enough to tell jobs apart by eye. */
export function JobLink({ look, id }: { readonly look: Look; readonly id: string }): JSX.Element {
  return (
    <a class="job-link" href={jobHref(look, id)} title={id}>
      <code translate="no">{id.slice(0, 8)}</code>
      <span class="unseen">{id.slice(8)}</span>
    </a>
  );
}

/** Where a job's page is. */
export function jobHref(look: Look, id: string): string {
  return `${look.root}jobs/${encodeURIComponent(id)}`;
}

/** What a list of jobs can be narrowed by. */
export interface JobsQuery extends JobFilter {
  /** Where the page before ended. */
  readonly after?: string;
}

/** Where the jobs are that fit. */
export function jobsHref(look: Look, query: JobsQuery): string {
  const text = new URLSearchParams(Object.entries(query)).toString();
  return `${look.root}jobs${text === "" ? "" : `?${text}`}`;
}

/** A section with its heading, which is kept up to date while somebody looks. */
export function Part(props: {
  readonly id: string;
  readonly title: string;
  readonly note?: Child;
  readonly children?: Child;
}): JSX.Element {
  const { id, title, note, children } = props;
  return (
    <section id={id} aria-labelledby={`${id}-title`} class="part">
      <div class="part-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {note !== undefined && <p class="note">{note}</p>}
      </div>
      {children}
    </section>
  );
}

/** Names with their values. */
export function Facts(props: {
  readonly facts: readonly (readonly [name: string, value: Child])[];
}): JSX.Element {
  return (
    <dl class="facts">
      {props.facts.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** That a list is not whole, where it is not. */
export function ShownOf(props: {
  readonly look: Look;
  readonly shown: number;
  readonly all: number;
}): JSX.Element {
  const { look, shown, all } = props;
  if (shown >= all) return <></>;
  const { words, figures } = look;
  return <p class="note">{words.lists.shownOf(figures.count(shown), figures.count(all))}</p>;
}
