/** @jsxImportSource hono/jsx */
import type { DeadLetterRecord } from "@leasehold/core";
import type { JSX } from "hono/jsx/jsx-runtime";

import { ActForm } from "./act-form.tsx";
import { requeueGroupAct, spreadMs } from "./acts.ts";
import { adviceOn } from "./advice.ts";
import type { Look } from "./look.ts";
import { Code, jobHref, jobsHref, Moment, Place, StateBadge } from "./pieces.tsx";
import { DataTable } from "./table.tsx";
import { groupKey } from "./trouble.ts";

export interface DeadLetterTableProps {
  readonly look: Look;
  readonly groups: readonly DeadLetterRecord[];
}

/** What ended badly, one row per cause and place, with what it means and what can be done. */
export function DeadLetterTable({ look, groups }: DeadLetterTableProps): JSX.Element {
  const { words, figures } = look;
  const { fields, lists } = words;
  return (
    <DataTable
      caption={words.overview.recentTrouble}
      rows={groups}
      keyOf={groupKey}
      empty={
        <>
          <p>{lists.noDeadLetters}</p>
          <p class="note">{lists.noDeadLettersHint}</p>
        </>
      }
      columns={[
        {
          head: fields.code,
          isTitle: true,
          cell: (group) => <Cause look={look} group={group} />,
        },
        { head: fields.state, cell: ({ state }) => <StateBadge look={look} state={state} /> },
        {
          head: fields.type,
          cell: ({ queue, type, phase }) => (
            <Place look={look} type={type} phase={phase} queue={queue} />
          ),
        },
        {
          head: fields.count,
          isNumber: true,
          cell: ({ count, queue, type, state, code }) => (
            <a
              href={jobsHref(look, { queue, type, state, ...(code === undefined ? {} : { code }) })}
            >
              {figures.count(count)}
              <span class="unseen"> {lists.showThese}</span>
            </a>
          ),
        },
        { head: fields.last, cell: ({ lastAt }) => <Moment look={look} at={lastAt} /> },
        {
          head: words.job.actions,
          cell: (group) => <GroupActs look={look} group={group} />,
        },
      ]}
    />
  );
}

interface GroupProps {
  readonly look: Look;
  readonly group: DeadLetterRecord;
}

function Cause({ look, group }: GroupProps): JSX.Element {
  const { code } = group;
  const { what, todo } = adviceOn(look.words, code);
  return (
    <>
      <Code>{code ?? look.words.lists.noCode}</Code>
      <span class="advice">
        {what} {todo}
      </span>
    </>
  );
}

function GroupActs({ look, group }: GroupProps): JSX.Element {
  const { lists, acts } = look.words;
  const count = look.figures.count(group.count);
  const span = look.figures.span(spreadMs);
  return (
    <div class="acts">
      <a class="button quiet" href={jobHref(look, group.sampleId)}>
        {lists.newest}
      </a>
      <ActForm
        look={look}
        act={requeueGroupAct(group)}
        label={lists.requeueThese(count)}
        subject={`${group.code ?? lists.noCode}, ${group.type}, ${group.phase}`}
        question={lists.requeueTheseQuestion(count)}
        consequence={acts.requeueAll.consequence.replace("{span}", span)}
        done={acts.requeueAll.done}
        reason="optional"
      />
    </div>
  );
}
