/** @jsxImportSource hono/jsx */
import type { ResourceRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import type { ModelListing } from "../console-options.ts";
import { ActForm } from "./act-form.tsx";
import { closeBreakerAct, openBreakerAct, warmAct } from "./acts.ts";
import { adviceOn } from "./advice.ts";
import { ShareBar } from "./charts.tsx";
import type { Look, View } from "./look.ts";
import type { ResourcesData } from "./page-source.ts";
import { Code, JobLink, Moment, Part, StateBadge } from "./pieces.tsx";
import { DataTable } from "./table.tsx";

/** What jobs compete for, how it is, and the switch. */
export function renderResources(look: Look, { resources, models }: ResourcesData): View {
  const { words } = look;
  return {
    title: words.views.resources,
    announcement: "",
    body: (
      <>
        <ResourceTable look={look} resources={resources} />
        {models !== undefined && (
          <Part id="models" title={words.lists.models}>
            {models === "away" ? (
              <p class="empty">{words.lists.modelsAway}</p>
            ) : (
              <>
                <ModelTable look={look} models={models} />
                {models.some(isSeen) && <p class="note">{words.lists.seenHere}</p>}
              </>
            )}
          </Part>
        )}
      </>
    ),
  };
}

/** Whether a process told what it saw of it. */
function isSeen({ swaps, tokensPerSecond }: ModelListing): boolean {
  return swaps !== undefined || tokensPerSecond !== undefined;
}

function ResourceTable(props: {
  readonly look: Look;
  readonly resources: readonly ResourceRecord[];
}): JSX.Element {
  const { look, resources } = props;
  const { words, figures } = look;
  const { fields, lists } = words;
  return (
    <DataTable
      caption={words.views.resources}
      rows={resources}
      keyOf={({ name }) => name}
      empty={
        <>
          <p>{lists.noResources}</p>
          <p class="note">{lists.noResourcesHint}</p>
        </>
      }
      columns={[
        { head: fields.resource, isTitle: true, cell: ({ name }) => <Code>{name}</Code> },
        {
          head: fields.breaker,
          cell: (resource) => <Breaker look={look} resource={resource} />,
        },
        {
          head: "",
          cell: ({ leased, concurrency }) =>
            concurrency !== undefined && (
              <ShareBar
                label={`${figures.count(leased)} / ${figures.count(concurrency)}`}
                shares={[{ tone: "leased", value: leased }]}
                whole={concurrency}
              />
            ),
        },
        {
          head: fields.inUse,
          isNumber: true,
          cell: ({ leased, concurrency }) =>
            concurrency === undefined
              ? figures.count(leased)
              : `${figures.count(leased)} / ${figures.count(concurrency)}`,
        },
        {
          head: fields.outages,
          isNumber: true,
          cell: ({ outages }) => (outages === 0 ? "" : figures.count(outages)),
        },
        {
          head: fields.until,
          cell: ({ openUntil }) => openUntil !== undefined && <Moment look={look} at={openUntil} />,
        },
        {
          head: fields.last,
          cell: ({ changedAt }) => changedAt !== undefined && <Moment look={look} at={changedAt} />,
        },
        {
          head: words.job.actions,
          cell: (resource) => <ResourceActs look={look} resource={resource} />,
        },
      ]}
    />
  );
}

function ModelTable(props: {
  readonly look: Look;
  readonly models: readonly ModelListing[];
}): JSX.Element {
  const { look, models } = props;
  const { words, figures } = look;
  const { fields, lists } = words;
  const count = (value: number | undefined): string =>
    value === undefined ? "" : figures.count(value);
  return (
    <DataTable
      caption={lists.models}
      rows={models}
      keyOf={({ host, model }) => `${host} ${model}`}
      empty={<p>{lists.noModels}</p>}
      columns={[
        { head: fields.model, isTitle: true, cell: ({ model }) => <Code>{model}</Code> },
        { head: fields.host, cell: ({ host }) => <Code>{host}</Code> },
        {
          head: fields.state,
          cell: ({ isWarm }) => (
            <span class={`badge state-${isWarm ? "live" : "stopped"}`}>
              {isWarm ? lists.warm : lists.cold}
            </span>
          ),
        },
        {
          head: fields.memory,
          isNumber: true,
          isOptional: true,
          cell: ({ bytes }) => (bytes === undefined ? "" : figures.bytes(bytes)),
        },
        {
          head: fields.onGpu,
          isNumber: true,
          isOptional: true,
          cell: ({ bytes = 0, gpuBytes }) =>
            gpuBytes === undefined || bytes === 0 ? "" : figures.percent(gpuBytes / bytes),
        },
        {
          head: fields.window,
          isNumber: true,
          isOptional: true,
          cell: ({ contextLength }) => count(contextLength),
        },
        { head: lists.swaps, isNumber: true, isOptional: true, cell: ({ swaps }) => count(swaps) },
        {
          head: lists.tokensPerSecond,
          isNumber: true,
          isOptional: true,
          cell: ({ tokensPerSecond }) =>
            tokensPerSecond === undefined ? "" : figures.rate(tokensPerSecond),
        },
      ]}
    />
  );
}

interface ResourceProps {
  readonly look: Look;
  readonly resource: ResourceRecord;
}

function Breaker({ look, resource }: ResourceProps): JSX.Element {
  const { words, figures } = look;
  const { state, code, probe, places, leased, concurrency } = resource;
  // What it bears is less than it is meant to bear: it was away, and is trusted by degrees.
  const isSlow =
    state === "closed" &&
    concurrency !== undefined &&
    places !== undefined &&
    places + leased < concurrency;
  return (
    <>
      <StateBadge look={look} state={state} />
      {code !== undefined && state !== "closed" && (
        <span class="advice">
          <Code>{code}</Code> {adviceOn(words, code).what}
        </span>
      )}
      {probe !== undefined && (
        <span class="advice">
          {words.lists.probe} <JobLink look={look} id={probe} />
        </span>
      )}
      {isSlow && (
        <span class="advice">
          {words.lists.slowStart(figures.count(places + leased), figures.count(concurrency))}
        </span>
      )}
    </>
  );
}

function ResourceActs({ look, resource }: ResourceProps): JSX.Element {
  const { acts } = look.words;
  const { name, state } = resource;
  return (
    <div class="acts">
      {look.mayWarm && (
        <ActForm look={look} act={warmAct(name)} {...acts.warm} subject={name} reason="optional" />
      )}
      {state === "closed" ? (
        <ActForm
          look={look}
          act={openBreakerAct(name)}
          {...acts.openBreaker}
          subject={name}
          reason="required"
        />
      ) : (
        <ActForm
          look={look}
          act={closeBreakerAct(name)}
          {...acts.closeBreaker}
          subject={name}
          reason="optional"
        />
      )}
    </div>
  );
}
