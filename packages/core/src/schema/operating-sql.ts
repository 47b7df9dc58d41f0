import doctorSchema from "../../sql/operating/doctor_schema.sql" with { type: "text" };
import doctorServer from "../../sql/operating/doctor_server.sql" with { type: "text" };
import forgetJobs from "../../sql/operating/forget_jobs.sql" with { type: "text" };
import getPauses from "../../sql/operating/get_pauses.sql" with { type: "text" };
import getWorkers from "../../sql/operating/get_workers.sql" with { type: "text" };
import noteWorker from "../../sql/operating/note_worker.sql" with { type: "text" };
import openLanes from "../../sql/operating/open_lanes.sql" with { type: "text" };
import pause from "../../sql/operating/pause.sql" with { type: "text" };
import pruneCompleted from "../../sql/operating/prune_completed.sql" with { type: "text" };
import pruneJobs from "../../sql/operating/prune_jobs.sql" with { type: "text" };
import redactJobs from "../../sql/operating/redact_jobs.sql" with { type: "text" };
import redactSubject from "../../sql/operating/redact_subject.sql" with { type: "text" };
import resume from "../../sql/operating/resume.sql" with { type: "text" };
import workers from "../../sql/operating/workers.sql" with { type: "text" };

/** What operators need, as functions and views, in the order they need each other. */
export const operatingDefinitions: readonly string[] = [
  openLanes,
  pause,
  resume,
  getPauses,
  noteWorker,
  workers,
  getWorkers,
  forgetJobs,
  pruneCompleted,
  pruneJobs,
  redactJobs,
  redactSubject,
  doctorSchema,
  doctorServer,
];
