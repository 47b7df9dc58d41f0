/** @jsxImportSource hono/jsx */
import type { ActionRecord, DeadLetterRecord, WorkerRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import type { ScheduleListing } from "../console-options.ts";
import { ShareBar } from "./charts.tsx";
import { DeadLetterTable } from "./dead-letter-table.tsx";
import type { Look, View } from "./look.ts";
import { Code, JobLink, jobsHref, Moment, ShownOf, StateBadge } from "./pieces.tsx";
import { DataTable } from "./table.tsx";

/** More than these nobody reads, and a page that asks for itself must not be large. */
const groupsMax = 100;
const workersMax = 200;

/** What ended badly, whole. */
export function renderDeadLetters(look: Look, groups: readonly DeadLetterRecord[]): View {
  const { words, figures } = look;
  const jobs = groups.reduce((sum, { count }) => sum + count, 0);
  const note = words.lists.deadLettersNote(figures.count(groups.length), figures.count(jobs));
  return {
    title: words.views["dead-letters"],
    announcement: note,
    body: (
      <>
        {groups.length > 0 && <p class="lead">{note}</p>}
        <DeadLetterTable look={look} groups={groups.slice(0, groupsMax)} />
        <ShownOf look={look} shown={groupsMax} all={groups.length} />
      </>
    ),
  };
}

/** Who works: those who do or should, and then some of those who did. */
export function renderWorkers(look: Look, workers: readonly WorkerRecord[]): View {
  const inOrder = workers.toSorted(
    (left, right) => Number(left.state === "stopped") - Number(right.state === "stopped"),
  );
  return {
    title: look.words.views.workers,
    announcement: "",
    body: (
      <>
        <WorkerTable look={look} workers={inOrder.slice(0, workersMax)} />
        <ShownOf look={look} shown={workersMax} all={workers.length} />
      </>
    ),
  };
}

function WorkerTable(props: {
  readonly look: Look;
  readonly workers: readonly WorkerRecord[];
}): JSX.Element {
  const { look, workers } = props;
  const { words, figures } = look;
  const { fields, lists } = words;
  return (
    <DataTable
      caption={words.views.workers}
      rows={workers}
      keyOf={({ id }) => id}
      empty={
        <>
          <p>{lists.noWorkers}</p>
          <p class="note">{lists.noWorkersHint}</p>
        </>
      }
      columns={[
        {
          head: fields.name,
          isTitle: true,
          cell: ({ name }) => (
            <a href={jobsHref(look, { worker: name })}>
              <Code>{name}</Code>
            </a>
          ),
        },
        { head: fields.state, cell: ({ state }) => <StateBadge look={look} state={state} /> },
        {
          head: "",
          cell: ({ inFlight, slots, state }) =>
            state === "live" && (
              <ShareBar
                label={`${figures.count(inFlight)} / ${figures.count(slots)}`}
                shares={[{ tone: "leased", value: inFlight }]}
                whole={slots}
              />
            ),
        },
        {
          head: fields.slots,
          isNumber: true,
          cell: ({ inFlight, slots }) => `${figures.count(inFlight)} / ${figures.count(slots)}`,
        },
        {
          head: fields.types,
          cell: ({ types }) => (
            <span class="names">
              {types.map((type) => (
                <Code>{type}</Code>
              ))}
            </span>
          ),
        },
        {
          head: fields.abandoned,
          isNumber: true,
          cell: ({ abandoned }) => (abandoned === 0 ? "" : figures.count(abandoned)),
        },
        { head: fields.version, cell: ({ version }) => version },
        { head: fields.started, cell: ({ startedAt }) => <Moment look={look} at={startedAt} /> },
        { head: fields.seen, cell: ({ seenAt }) => <Moment look={look} at={seenAt} /> },
      ]}
    />
  );
}

/** What is enqueued by itself. */
export function renderSchedules(
  look: Look,
  schedules: readonly ScheduleListing[] | undefined,
): View {
  const { words } = look;
  const { fields, lists } = words;
  return {
    title: words.views.schedules,
    announcement: "",
    body: (
      <DataTable
        caption={words.views.schedules}
        rows={schedules ?? []}
        keyOf={({ name }) => name}
        empty={
          schedules === undefined ? (
            <p>{lists.schedulesUnserved}</p>
          ) : (
            <>
              <p>{lists.noSchedules}</p>
              <p class="note">{lists.noSchedulesHint}</p>
            </>
          )
        }
        columns={[
          { head: fields.name, isTitle: true, cell: ({ name }) => <Code>{name}</Code> },
          {
            head: fields.state,
            cell: ({ enabled, warning }) =>
              warning === undefined ? (
                <StateBadge look={look} state={enabled ? "live" : "paused"} />
              ) : (
                <span class="badge state-dead">{lists.scheduleWarnings[warning]}</span>
              ),
          },
          { head: fields.cron, cell: ({ cron }) => <Code>{cron}</Code> },
          { head: fields.timeZone, cell: ({ timeZone }) => timeZone },
          {
            head: fields.type,
            cell: ({ type, queue }) => (
              <a href={jobsHref(look, { type, queue })}>
                <Code>{type}</Code>
              </a>
            ),
          },
          { head: fields.last, cell: ({ lastSlotAt }) => <Moment look={look} at={lastSlotAt} /> },
          { head: fields.next, cell: ({ nextSlotAt }) => <Moment look={look} at={nextSlotAt} /> },
        ]}
      />
    ),
  };
}

const idPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Who did what. */
export function renderAudit(look: Look, actions: readonly ActionRecord[]): View {
  const { words, figures } = look;
  const { fields } = words;
  const last = actions.at(-1);
  return {
    title: words.views.audit,
    announcement: "",
    body: (
      <>
        <DataTable
          caption={words.audit.note}
          rows={actions}
          keyOf={({ number }) => number}
          empty={
            <>
              <p>{words.audit.empty}</p>
              <p class="note">{words.audit.emptyHint}</p>
            </>
          }
          columns={[
            { head: fields.when, isTitle: true, cell: ({ at }) => <Moment look={look} at={at} /> },
            { head: fields.operator, cell: ({ operator }) => operator },
            { head: fields.action, cell: ({ action }) => <Code>{action}</Code> },
            {
              head: fields.target,
              cell: ({ target = "" }) =>
                idPattern.test(target) ? (
                  <JobLink look={look} id={target} />
                ) : (
                  target !== "" && <Code>{target}</Code>
                ),
            },
            { head: fields.count, isNumber: true, cell: ({ jobs }) => figures.count(jobs) },
            { head: fields.outcome, cell: ({ outcome }) => <Code>{outcome}</Code> },
            { head: fields.reason, cell: ({ reason }) => reason ?? "" },
          ]}
        />
        {last !== undefined && actions.length >= auditRows && (
          <nav class="pages" aria-label={words.lists.pages}>
            <a href={`${look.root}audit`}>{words.lists.newer}</a>
            <a href={`${look.root}audit?before=${last.number}`}>{words.lists.older}</a>
          </nav>
        )}
      </>
    ),
  };
}

/** As many as stand on a page of the audit. */
export const auditRows = 50;
