/** @jsxImportSource hono/jsx */
import type { LimitRecord, PauseRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import { ActForm } from "./act-form.tsx";
import { pauseAct, resumeAct } from "./acts.ts";
import { BacklogTable } from "./backlog-table.tsx";
import type { Look, View } from "./look.ts";
import type { QueuesData } from "./page-source.ts";
import { Code, Moment, Part } from "./pieces.tsx";
import { DataTable } from "./table.tsx";
import { sayScope } from "./trouble.ts";

/** What waits, what holds it back, and the buttons to change that. */
export function renderQueues(look: Look, data: QueuesData): View {
  const { words } = look;
  const paused = new Set(data.pauses.map(({ scope }) => JSON.stringify(scope)));
  const names = [...new Set(data.queues.map(({ queue }) => queue))].filter(
    (queue) => !paused.has(JSON.stringify({ queue })),
  );
  return {
    title: words.views.queues,
    announcement: "",
    body: (
      <>
        <Part id="backlog" title={words.overview.backlog}>
          <BacklogTable look={look} queues={data.queues} pauses={data.pauses} />
          <div class="acts">
            {names.map((queue) => (
              <ActForm
                look={look}
                act={pauseAct({ queue })}
                label={`${words.acts.pause.label}: ${queue}`}
                subject=""
                question={`${words.acts.pause.question} ${queue}`}
                consequence={words.acts.pause.consequence}
                done={words.acts.pause.done}
                reason="required"
              />
            ))}
          </div>
        </Part>
        <Part id="pauses" title={words.lists.pauses}>
          <PauseTable look={look} pauses={data.pauses} />
        </Part>
        <Part id="limits" title={words.lists.limits}>
          <LimitTable look={look} limits={data.limits} />
        </Part>
      </>
    ),
  };
}

function PauseTable(props: {
  readonly look: Look;
  readonly pauses: readonly PauseRecord[];
}): JSX.Element {
  const { look, pauses } = props;
  const { words } = look;
  const { fields } = words;
  return (
    <DataTable
      caption={words.lists.pauses}
      rows={pauses}
      keyOf={({ scope }) => JSON.stringify(scope)}
      empty={<p>{words.lists.noPauses}</p>}
      columns={[
        { head: fields.scope, isTitle: true, cell: ({ scope }) => <Code>{sayScope(scope)}</Code> },
        { head: fields.reason, cell: ({ reason }) => reason ?? "" },
        { head: fields.pausedBy, cell: ({ pausedBy }) => pausedBy },
        { head: fields.when, cell: ({ pausedAt }) => <Moment look={look} at={pausedAt} /> },
        {
          head: words.job.actions,
          cell: ({ scope }) => (
            <ActForm
              look={look}
              act={resumeAct(scope)}
              label={words.acts.resume.label}
              subject={sayScope(scope)}
              question={`${words.acts.resume.question} ${sayScope(scope)}`}
              consequence={words.acts.resume.consequence}
              done={words.acts.resume.done}
            />
          ),
        },
      ]}
    />
  );
}

function LimitTable(props: {
  readonly look: Look;
  readonly limits: readonly LimitRecord[];
}): JSX.Element {
  const { look, limits } = props;
  const { words, figures } = look;
  const { fields, lists } = words;
  return (
    <DataTable
      caption={lists.limits}
      rows={limits}
      keyOf={({ scope }) => JSON.stringify(scope)}
      empty={
        <>
          <p>{lists.noLimits}</p>
          <p class="note">{lists.limitsHint}</p>
        </>
      }
      columns={[
        { head: fields.scope, isTitle: true, cell: ({ scope }) => sayLimitScope(look, scope) },
        { head: fields.running, isNumber: true, cell: ({ running }) => figures.count(running) },
        {
          head: fields.concurrency,
          isNumber: true,
          cell: ({ concurrencyMax }) =>
            concurrencyMax === undefined ? lists.unlimited : figures.count(concurrencyMax),
        },
        {
          head: fields.rate,
          cell: ({ rate }) =>
            rate === undefined
              ? ""
              : lists.rate(figures.count(rate.max), figures.span(rate.windowMs)),
        },
        {
          head: fields.weight,
          isNumber: true,
          cell: ({ weight, fair }) =>
            weight === undefined ? (fair ? lists.fair : "") : figures.rate(weight),
        },
      ]}
    />
  );
}

function sayLimitScope({ words }: Look, scope: LimitRecord["scope"]): JSX.Element {
  const [kind, name] =
    "queue" in scope
      ? [words.fields.queue, scope.queue]
      : "type" in scope
        ? [words.fields.type, scope.type]
        : [words.fields.tenant, scope.tenant];
  return (
    <>
      {kind} <Code>{name}</Code>
    </>
  );
}
