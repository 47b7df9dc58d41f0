/** @jsxImportSource hono/jsx */
import type { JobPage } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import { jobStates } from "./job-states.ts";
import type { Look, View } from "./look.ts";
import { Code, JobLink, jobsHref, type JobsQuery, Moment, Place, StateBadge } from "./pieces.tsx";
import { DataTable } from "./table.tsx";

/** What can be typed, beside the state. */
const textFilters = ["queue", "type", "code", "worker", "tenant"] as const;

/** Jobs that fit, the newest first. */
export function renderJobs(look: Look, query: JobsQuery, page: JobPage): View {
  const { words, figures } = look;
  const { fields, lists } = words;
  return {
    title: words.views.jobs,
    announcement: "",
    body: (
      <>
        <Filter look={look} query={query} />
        <DataTable
          caption={`${words.views.jobs}. ${lists.jobsHint}`}
          rows={page.jobs}
          keyOf={({ id }) => id}
          empty={
            <>
              <p>{lists.noJobs}</p>
              <p class="note">{lists.noJobsHint}</p>
            </>
          }
          columns={[
            { head: fields.id, isTitle: true, cell: ({ id }) => <JobLink look={look} id={id} /> },
            { head: fields.state, cell: ({ state }) => <StateBadge look={look} state={state} /> },
            {
              head: fields.type,
              cell: ({ type, version, phase, queue }) => (
                <Place look={look} type={`${type}/${version}`} phase={phase} queue={queue} />
              ),
            },
            {
              head: fields.code,
              cell: ({ code }) => code !== undefined && <Code>{code}</Code>,
            },
            {
              head: fields.failures,
              isNumber: true,
              cell: ({ failures }) => (failures === 0 ? "" : figures.count(failures)),
            },
            {
              head: fields.worker,
              cell: ({ worker }) => worker !== undefined && <Code>{worker}</Code>,
            },
            {
              head: fields.created,
              cell: ({ createdAt }) => <Moment look={look} at={createdAt} />,
            },
            {
              head: fields.ended,
              cell: ({ finishedAt }) =>
                finishedAt !== undefined && <Moment look={look} at={finishedAt} />,
            },
          ]}
        />
        <Pages look={look} query={query} next={page.next} />
      </>
    ),
  };
}

/** It belongs to whoever fills it in: what comes later does not change it. */
function Filter({ look, query }: { readonly look: Look; readonly query: JobsQuery }): JSX.Element {
  const { words, root } = look;
  const { lists, fields, states } = words;
  return (
    <form class="filter" method="get" action={`${root}jobs`} aria-label={lists.filter} data-static>
      <label>
        <span>{fields.state}</span>
        <select name="state">
          <option value="">{lists.any}</option>
          {jobStates.map((state) => (
            <option value={state} selected={query.state === state}>
              {states[state]}
            </option>
          ))}
        </select>
      </label>
      {textFilters.map((name) => (
        <label>
          <span>{fields[name]}</span>
          <input
            name={name}
            value={query[name] ?? ""}
            maxlength={256}
            autocomplete="off"
            spellcheck={false}
          />
        </label>
      ))}
      <div class="acts">
        <button type="submit">{lists.apply}</button>
        <a class="button quiet" href={`${root}jobs`}>
          {lists.clear}
        </a>
      </div>
    </form>
  );
}

function Pages(props: {
  readonly look: Look;
  readonly query: JobsQuery;
  readonly next: string | undefined;
}): JSX.Element {
  const { look, query, next } = props;
  const { after, ...first } = query;
  if (after === undefined && next === undefined) return <></>;
  const { lists } = look.words;
  return (
    <nav class="pages" aria-label={lists.pages}>
      {after !== undefined && <a href={jobsHref(look, first)}>{lists.newer}</a>}
      {next !== undefined && (
        <a href={jobsHref(look, { ...first, after: next })} rel="next">
          {lists.older}
        </a>
      )}
    </nav>
  );
}
