/** @jsxImportSource hono/jsx */
import type { PauseRecord, QueueRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import { ShareBar } from "./charts.tsx";
import type { Look } from "./look.ts";
import { Code, jobsHref, StateBadge } from "./pieces.tsx";
import { DataTable } from "./table.tsx";

/** The backlog of one type in one queue, over all states. */
interface Lane {
  readonly queue: string;
  readonly type: string;
  readonly due: number;
  readonly delayed: number;
  readonly leased: number;
  readonly waiting: number;
  readonly retries: number;
  readonly outages: number;
  readonly p95AgeSeconds: number | undefined;
  readonly oldestAgeSeconds: number | undefined;
  readonly isPaused: boolean;
}

export interface BacklogTableProps {
  readonly look: Look;
  readonly queues: readonly QueueRecord[];
  readonly pauses: readonly PauseRecord[];
}

/** What waits and runs, by queue and type. */
export function BacklogTable({ look, queues, pauses }: BacklogTableProps): JSX.Element {
  const { words, figures } = look;
  const { fields } = words;
  const lanes = toLanes(queues, pauses);
  const most = Math.max(1, ...lanes.map(sizeOf));
  const count = (value: number): string => (value === 0 ? "" : figures.count(value));
  const age = (seconds: number | undefined): string =>
    seconds === undefined ? "" : figures.span(seconds * 1000);
  return (
    <DataTable
      caption={words.overview.backlog}
      rows={lanes}
      keyOf={({ queue, type }) => `${queue} ${type}`}
      empty={
        <>
          <p>{words.lists.noQueues}</p>
          <p class="note">{words.lists.noQueuesHint}</p>
        </>
      }
      columns={[
        {
          head: fields.queue,
          isTitle: true,
          cell: ({ queue, type, isPaused }) => (
            <>
              <a href={jobsHref(look, { queue, type })}>
                <Code>{queue}</Code>
              </a>
              {isPaused && <StateBadge look={look} state="paused" />}
            </>
          ),
        },
        { head: fields.type, cell: ({ type }) => <Code>{type}</Code> },
        { head: "", cell: (lane) => <Shares look={look} lane={lane} most={most} /> },
        { head: fields.due, isNumber: true, cell: ({ due }) => count(due) },
        { head: fields.leased, isNumber: true, cell: ({ leased }) => count(leased) },
        {
          head: fields.delayed,
          isNumber: true,
          isOptional: true,
          cell: ({ delayed }) => count(delayed),
        },
        {
          head: fields.waiting,
          isNumber: true,
          isOptional: true,
          cell: ({ waiting }) => count(waiting),
        },
        {
          head: fields.retries,
          isNumber: true,
          isOptional: true,
          cell: ({ retries }) => count(retries),
        },
        {
          head: fields.oldest,
          isNumber: true,
          cell: ({ oldestAgeSeconds }) => age(oldestAgeSeconds),
        },
        { head: fields.p95, isNumber: true, cell: ({ p95AgeSeconds }) => age(p95AgeSeconds) },
      ]}
    />
  );
}

function Shares(props: {
  readonly look: Look;
  readonly lane: Lane;
  readonly most: number;
}): JSX.Element {
  const { look, lane, most } = props;
  const { words, figures } = look;
  const shares = shareTones.map((tone) => ({ tone, value: lane[tone] }));
  const label = shares
    .filter(({ value }) => value > 0)
    .map(({ tone, value }) => `${figures.count(value)} ${words.states[tone]}`)
    .join(", ");
  return <ShareBar whole={most} shares={shares} label={label} />;
}

const shareTones = ["leased", "due", "delayed", "waiting"] as const;

function toLanes(queues: readonly QueueRecord[], pauses: readonly PauseRecord[]): readonly Lane[] {
  const groups = Map.groupBy(queues, ({ queue, type }) => `${queue}\0${type}`);
  return [...groups.values()]
    .flatMap((records) => {
      const [first] = records;
      return first === undefined ? [] : [toLane(first, records, pauses)];
    })
    .toSorted((left, right) => sizeOf(right) - sizeOf(left));
}

function toLane(
  { queue, type }: QueueRecord,
  records: readonly QueueRecord[],
  pauses: readonly PauseRecord[],
): Lane {
  const count = (state: QueueRecord["state"]): number =>
    records.find((record) => record.state === state)?.count ?? 0;
  const due = records.find(({ state }) => state === "due");
  return {
    queue,
    type,
    due: count("due"),
    delayed: count("delayed"),
    leased: count("leased"),
    waiting: count("waiting"),
    retries: records.reduce((sum, { highRetryCount }) => sum + highRetryCount, 0),
    outages: records.reduce((sum, { outageCount }) => sum + outageCount, 0),
    p95AgeSeconds: due?.p95AgeSeconds,
    oldestAgeSeconds: due?.oldestAgeSeconds,
    isPaused: pauses.some(({ scope }) =>
      "queue" in scope
        ? scope.queue === queue
        : "type" in scope &&
          scope.type === type &&
          scope.version === undefined &&
          scope.phase === undefined,
    ),
  };
}

function sizeOf({ due, delayed, leased, waiting }: Lane): number {
  return due + delayed + leased + waiting;
}
