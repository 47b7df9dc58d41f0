/** @jsxImportSource hono/jsx */
import type { JSX } from "hono/jsx/jsx-runtime";

import { BacklogTable } from "./backlog-table.tsx";
import { ColumnChart, LineChart } from "./charts.tsx";
import { DeadLetterTable } from "./dead-letter-table.tsx";
import type { Look, View } from "./look.ts";
import type { OverviewData } from "./page-source.ts";
import { Part } from "./pieces.tsx";
import { findTrouble, type Trouble } from "./trouble.ts";

/** Groups of jobs that ended badly, as the overview shows them. */
const groupsShown = 5;

/** What an operator sees first: what needs them, then how it goes. */
export function renderOverview(look: Look, data: OverviewData): View {
  const { words, figures } = look;
  const trouble = findTrouble(look, data);
  const sums = sumBacklog(data);
  return {
    title: words.views.overview,
    announcement: words.overview.announce(
      figures.count(sums.due),
      figures.count(sums.leased),
      figures.count(trouble.length),
    ),
    body: (
      <>
        <Part id="attention" title={words.overview.attention}>
          <Attention look={look} trouble={trouble} />
        </Part>
        <div class="tiles">
          <DepthTile look={look} data={data} sums={sums} />
          <LagTile look={look} data={data} />
          <ThroughputTile look={look} data={data} />
          <FailureTile look={look} data={data} />
        </div>
        <Part id="backlog" title={words.overview.backlog}>
          <BacklogTable look={look} queues={data.queues} pauses={data.pauses} />
        </Part>
        <Part
          id="ended-badly"
          title={words.overview.recentTrouble}
          note={
            data.deadLetters.length > groupsShown && (
              <a href={`${look.root}dead-letters`}>{words.overview.showAll}</a>
            )
          }
        >
          <DeadLetterTable look={look} groups={data.deadLetters.slice(0, groupsShown)} />
        </Part>
      </>
    ),
  };
}

interface Shown {
  readonly look: Look;
  readonly data: OverviewData;
}

function Attention(props: {
  readonly look: Look;
  readonly trouble: readonly Trouble[];
}): JSX.Element {
  const { look, trouble } = props;
  if (trouble.length === 0) return <p class="well">{look.words.overview.allWell}</p>;
  return (
    <ul class="attention">
      {trouble.map(({ key, level, sentence, href }) => (
        <li data-key={key} class={`level-${level}`}>
          <a href={href}>{sentence}</a>
        </li>
      ))}
    </ul>
  );
}

type Sums = Readonly<Record<"due" | "delayed" | "leased" | "waiting", number>>;

function sumBacklog({ queues }: OverviewData): Sums {
  const sum = (state: keyof Sums): number =>
    total(queues.map((each) => (each.state === state ? each.count : 0)));
  return {
    due: sum("due"),
    delayed: sum("delayed"),
    leased: sum("leased"),
    waiting: sum("waiting"),
  };
}

function Tile(props: {
  readonly id: string;
  readonly title: string;
  readonly value: string;
  readonly note: string;
  readonly foot: string;
  readonly chart: JSX.Element;
}): JSX.Element {
  const { id, title, value, note, foot, chart } = props;
  return (
    <section class="tile" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <p class="figure">{value}</p>
      <p class="note">{note}</p>
      {chart}
      <p class="foot">{foot}</p>
    </section>
  );
}

function DepthTile({ look, data, sums }: Shown & { readonly sums: Sums }): JSX.Element {
  const { words, figures } = look;
  const points = data.watched.map(({ at, due }) => ({ at, value: due }));
  const span = watchedFor(look, data);
  const most = Math.max(0, ...points.map(({ value }) => value));
  return (
    <Tile
      id="depth"
      title={words.overview.depth}
      value={figures.count(sums.due)}
      note={words.overview.depthNote(figures.count(sums.leased), figures.count(sums.delayed))}
      foot={sayWatched(look, data)}
      chart={
        <LineChart
          tone="due"
          points={points}
          {...frameOf(look, data)}
          label={words.overview.depthChart(figures.count(sums.due), figures.count(most), span)}
        />
      }
    />
  );
}

function LagTile({ look, data }: Shown): JSX.Element {
  const { words, figures } = look;
  const points = data.watched.map(({ at, lagSeconds }) => ({ at, value: lagSeconds }));
  const span = watchedFor(look, data);
  const due = data.queues.filter(({ state }) => state === "due");
  const oldest = Math.max(0, ...due.map(({ oldestAgeSeconds = 0 }) => oldestAgeSeconds));
  const p95 = Math.max(0, ...due.map(({ p95AgeSeconds = 0 }) => p95AgeSeconds));
  const most = Math.max(0, ...points.map(({ value }) => value));
  const say = (seconds: number): string => figures.span(seconds * 1000);
  return (
    <Tile
      id="lag"
      title={words.overview.lag}
      value={due.length === 0 ? "–" : say(oldest)}
      note={due.length === 0 ? words.overview.lagNone : words.overview.lagNote(say(p95))}
      foot={sayWatched(look, data)}
      chart={
        <LineChart
          tone="delayed"
          points={points}
          {...frameOf(look, data)}
          label={words.overview.lagChart(say(oldest), say(most), span)}
        />
      }
    />
  );
}

function ThroughputTile({ look, data }: Shown): JSX.Element {
  const { words, figures } = look;
  const values = data.throughput.map(({ completed }) => completed);
  const sum = total(values);
  return (
    <Tile
      id="throughput"
      title={words.overview.throughput}
      value={figures.count(sum)}
      note={words.overview.throughputNote(values.length)}
      foot={words.overview.perMinute}
      chart={
        <ColumnChart
          series={[{ tone: "completed", values }]}
          label={words.overview.throughputChart(
            values.length,
            figures.count(sum),
            figures.count(Math.max(0, ...values)),
          )}
        />
      }
    />
  );
}

function FailureTile({ look, data }: Shown): JSX.Element {
  const { words, figures } = look;
  const failed = data.throughput.map((minute) => minute.failed);
  const dead = data.throughput.map((minute) => minute.dead);
  const both = failed.map((value, index) => value + (dead[index] ?? 0));
  const sum = total(both);
  return (
    <Tile
      id="failures"
      title={words.overview.failures}
      value={figures.count(sum)}
      note={words.overview.failuresNote(both.length)}
      foot={words.overview.perMinute}
      chart={
        <ColumnChart
          series={[
            { tone: "dead", values: dead },
            { tone: "failed", values: failed },
          ]}
          label={words.overview.failuresChart(
            both.length,
            figures.count(sum),
            figures.count(Math.max(0, ...both)),
          )}
        />
      }
    />
  );
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

const frameMsMin = 60_000;

/** The chart's width grows with what was seen, from one minute on. */
function frameOf(
  { figures }: Look,
  { watched }: OverviewData,
): { readonly spanMs: number; readonly now: number } {
  const now = figures.now.getTime();
  return { now, spanMs: Math.max(frameMsMin, now - (watched[0]?.at ?? now)) };
}

function sayWatched(look: Look, data: OverviewData): string {
  const { sinceWatching, watchingNow } = look.words.overview;
  return data.watched.length < 2 ? watchingNow : sinceWatching(watchedFor(look, data));
}

function watchedFor({ figures }: Look, { watched }: OverviewData): string {
  const now = figures.now.getTime();
  return figures.span(Math.floor((now - (watched[0]?.at ?? now)) / 1000) * 1000);
}
