/** @jsxImportSource hono/jsx */
import type { JobCause, JobProgress, JobTimeline } from "@leasehold/core";
import type { Child } from "hono/jsx";
import type { JSX } from "hono/jsx/jsx-runtime";

import { ActForm } from "./act-form.tsx";
import { cancelAct, replayAct, requeueAct, resolveAct, revealPath } from "./acts.ts";
import { adviceOn, adviceOnCause, sayStage } from "./advice.ts";
import { ShareBar } from "./charts.tsx";
import type { Look, View } from "./look.ts";
import type { JobData } from "./page-source.ts";
import { Code, Facts, JobLink, jobsHref, Moment, Part, StateBadge } from "./pieces.tsx";
import { Timeline } from "./timeline.tsx";

/** All of one job: what happened to it, why, and what can be done. */
export function renderJob(look: Look, { job, causes, progress }: JobData): View {
  const { words } = look;
  return {
    title: words.job.title(job.type),
    announcement: words.job.announce(words.states[job.state], job.phase),
    body: (
      <>
        <p class="job-head">
          <StateBadge look={look} state={job.state} />
          <code translate="no">{job.id}</code>
        </p>
        <Part id="why" title={isEnded(job) ? words.job.whyEnded : words.job.why}>
          <Why look={look} job={job} causes={causes} />
          {progress !== undefined && <Progress look={look} progress={progress} />}
          <JobActs look={look} job={job} />
        </Part>
        <Part id="timeline" title={words.job.timeline} note={words.job.timelineNote}>
          <Timeline look={look} job={job} />
        </Part>
        <Part id="facts" title={words.job.facts}>
          <Facts facts={listFacts(look, job)} />
        </Part>
        <Part id="content" title={words.job.content}>
          <Content look={look} id={job.id} />
        </Part>
      </>
    ),
  };
}

/** What is said of a job that is not there. */
export function renderMissingJob({ words }: Look): View {
  return {
    title: words.job.notFound,
    announcement: words.job.notFound,
    status: 404,
    body: <p class="empty">{words.job.notFoundHint}</p>,
  };
}

interface JobProps {
  readonly look: Look;
  readonly job: JobTimeline;
}

function isEnded({ state }: JobTimeline): boolean {
  return state !== "queued" && state !== "waiting" && state !== "leased";
}

const badEnds: ReadonlySet<string> = new Set(["failed", "dead"]);

/** First the code, which is the cause, then what the database says of the present moment. */
function Why(props: JobProps & { readonly causes: readonly JobCause[] }): JSX.Element {
  const { look, job, causes } = props;
  const { words } = look;
  const [first, ...others] = causes;
  const { code } = job;
  const advice = adviceOn(words, code);
  return (
    <div class={`why ${badEnds.has(job.state) ? "why-bad" : ""}`}>
      {code !== undefined && job.state !== "completed" && (
        <p class="why-code">
          <Code>{code}</Code> {advice.what} <strong>{advice.todo}</strong>
        </p>
      )}
      {first !== undefined && <CauseLine look={look} cause={first} hasCode={code !== undefined} />}
      {others.length > 0 && (
        <>
          <p class="note">{words.job.afterwards}</p>
          <ul>
            {others.map((cause) => (
              <li>
                <CauseLine look={look} cause={cause} hasCode />
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** In the reader's words, then in the database's own, which name what is in the way. */
function CauseLine(props: {
  readonly look: Look;
  readonly cause: JobCause;
  readonly hasCode: boolean;
}): JSX.Element {
  const { look, cause, hasCode } = props;
  const advice = adviceOnCause(look.words, cause);
  const isEnd = badEnds.has(cause.cause);
  return (
    <p>
      {advice !== undefined && (
        <>
          {advice.what} {!(isEnd && hasCode) && <strong>{advice.todo}</strong>}{" "}
        </>
      )}
      <span class="quoted" lang="en">
        {cause.sentence}
      </span>
      {cause.until !== undefined && (
        <>
          {" "}
          (<Moment look={look} at={cause.until} />)
        </>
      )}
    </p>
  );
}

/** How far it is, in the words that it told last. */
function Progress(props: { readonly look: Look; readonly progress: JobProgress }): JSX.Element {
  const { look, progress } = props;
  const { words, figures } = look;
  const { stage, partsDone, partsTotal, tokens, fraction, toldAt } = progress;
  const share = fraction ?? (partsTotal ? (partsDone ?? 0) / partsTotal : undefined);
  const said = [
    stage === undefined ? "" : sayStage(words, stage),
    partsDone === undefined || partsTotal === undefined
      ? ""
      : words.job.progressParts(figures.count(partsDone), figures.count(partsTotal)),
    tokens === undefined ? "" : words.job.progressTokens(figures.count(tokens)),
    fraction === undefined ? "" : figures.percent(fraction),
  ]
    .filter((part) => part !== "")
    .join(", ");
  return (
    <div class="progress">
      {share !== undefined && (
        <ShareBar
          label={figures.percent(share)}
          shares={[{ tone: "leased", value: share }]}
          whole={1}
        />
      )}
      <p>
        {said}{" "}
        <span class="note">
          <Moment look={look} at={toldAt} />
        </span>
      </p>
    </div>
  );
}

function JobActs({ look, job }: JobProps): JSX.Element {
  const { words } = look;
  const { acts } = words;
  const canRequeue = badEnds.has(job.state) || job.state === "cancelled";
  const { code, state, type, queue } = job;
  return (
    <div class="acts">
      {canRequeue && (
        <ActForm
          look={look}
          act={requeueAct(job.id)}
          {...acts.requeue}
          subject={job.id}
          reason="optional"
          isMain
        />
      )}
      {!isEnded(job) && (
        <ActForm
          look={look}
          act={cancelAct(job.id)}
          {...acts.cancel}
          subject={job.id}
          reason="optional"
        />
      )}
      {isEnded(job) &&
        job.phases
          .filter(({ isSkipped }) => !isSkipped)
          .map(({ phase }) => (
            <ActForm
              look={look}
              act={replayAct(job.id, phase)}
              label={`${words.job.replayFrom} ${phase}`}
              subject={job.id}
              question={acts.replay.question}
              consequence={acts.replay.consequence}
              done={acts.replay.done}
              reason="optional"
            />
          ))}
      {badEnds.has(state) && (
        <ActForm
          look={look}
          act={resolveAct(job.id)}
          {...acts.resolve}
          subject={job.id}
          reason="required"
        />
      )}
      {code !== undefined && badEnds.has(state) && (
        <a class="button quiet" href={jobsHref(look, { type, queue, state, code })}>
          {words.job.sameCode}
        </a>
      )}
    </div>
  );
}

function listFacts(look: Look, job: JobTimeline): readonly (readonly [string, Child])[] {
  const { fields } = look.words;
  const moment = (at: Date | undefined): Child =>
    at !== undefined && (
      <>
        <Moment look={look} at={at} /> <span class="note">{look.figures.absolute(at)}</span>
      </>
    );
  const sum = (name: "failures" | "losses" | "outages"): string =>
    look.figures.count(job.phases.reduce((total, phase) => total + phase[name], 0));
  const facts: readonly (readonly [string, Child])[] = [
    [fields.type, <Code>{`${job.type}/${job.version}`}</Code>],
    [fields.queue, <Code>{job.queue}</Code>],
    [fields.worker, job.worker !== undefined && <Code>{job.worker}</Code>],
    [fields.created, moment(job.createdAt)],
    [fields.due, moment(job.dueAt)],
    [fields.ended, moment(job.finishedAt)],
    [
      fields.waitsFor,
      job.waitsFor !== undefined && <Code>{job.waitsFor.name ?? job.waitsFor.reason}</Code>,
    ],
    [fields.failures, sum("failures")],
    [fields.losses, sum("losses")],
    [fields.outages, sum("outages")],
    [look.words.job.parent, job.parent !== undefined && <JobLink look={look} id={job.parent} />],
    [look.words.job.children, job.children.length > 0 && <Children look={look} job={job} />],
  ];
  return facts.filter(([, value]) => value !== false);
}

function Children({ look, job }: JobProps): JSX.Element {
  return (
    <ul class="children">
      {job.children.map(({ id, type, state }) => (
        <li data-key={id}>
          <JobLink look={look} id={id} /> <Code>{type}</Code>{" "}
          {state !== undefined && <StateBadge look={look} state={state} />}
        </li>
      ))}
    </ul>
  );
}

/** Nothing of it is in the document: it is fetched when somebody with the right says why. */
function Content({ look, id }: { readonly look: Look; readonly id: string }): JSX.Element {
  const { words } = look;
  return (
    <div class="content" data-static>
      <p>
        {words.job.contentHidden} {!look.mayReveal && words.job.contentForbidden}
      </p>
      {look.mayReveal && (
        <form class="reveal needs-script" method="post" data-path={`${look.root}${revealPath(id)}`}>
          <label>
            <span>{words.chrome.reasonRequired}</span>
            <input required maxlength={1024} autocomplete="off" aria-describedby="reveal-hint" />
          </label>
          <button type="submit">{words.job.reveal}</button>
          <p class="note" id="reveal-hint">
            {words.chrome.reasonHint}
          </p>
          <p role="alert" class="problem"></p>
        </form>
      )}
      <div class="revealed"></div>
    </div>
  );
}
