import addChildren from "../../sql/structure/add_children.sql" with { type: "text" };
import cancelChildren from "../../sql/structure/cancel_children.sql" with { type: "text" };
import endChildren from "../../sql/structure/end_children.sql" with { type: "text" };
import failEffect from "../../sql/structure/fail_effect.sql" with { type: "text" };
import findSignal from "../../sql/structure/find_signal.sql" with { type: "text" };
import holdFamilies from "../../sql/structure/hold_families.sql" with { type: "text" };
import holdPhase from "../../sql/structure/hold_phase.sql" with { type: "text" };
import isAwaited from "../../sql/structure/is_awaited.sql" with { type: "text" };
import listChildren from "../../sql/structure/list_children.sql" with { type: "text" };
import parkLease from "../../sql/structure/park_lease.sql" with { type: "text" };
import reopenChild from "../../sql/structure/reopen_child.sql" with { type: "text" };
import signalJob from "../../sql/structure/signal_job.sql" with { type: "text" };
import takeFamily from "../../sql/structure/take_family.sql" with { type: "text" };
import waitJob from "../../sql/structure/wait_job.sql" with { type: "text" };
import wakeDue from "../../sql/structure/wake_due.sql" with { type: "text" };
import wakeJob from "../../sql/structure/wake_job.sql" with { type: "text" };
import wakeLate from "../../sql/structure/wake_late.sql" with { type: "text" };
import wakeParent from "../../sql/structure/wake_parent.sql" with { type: "text" };

/** What ties a job to its host's own writes, to other jobs and to what happens outside. */
export const structureDefinitions: readonly string[] = [
  holdPhase,
  failEffect,
  wakeJob,
  parkLease,
  waitJob,
  signalJob,
  findSignal,
  wakeLate,
  wakeParent,
  wakeDue,
  addChildren,
  endChildren,
  reopenChild,
  takeFamily,
  holdFamilies,
  cancelChildren,
  listChildren,
  isAwaited,
];
