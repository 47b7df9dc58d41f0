import type { WorkerErrorCode } from "@leasehold/core";

import type { Advice, CauseName } from "./words.ts";

/** Why a job does not run, in English. */
export const causesEn: Readonly<Record<CauseName, Advice>> = {
  not_found: { what: "There is no such job.", todo: "Check the id." },
  completed: { what: "It is completed.", todo: "Nothing. Replay it to make its results anew." },
  failed: { what: "It failed for good.", todo: "Mend the cause, then requeue it." },
  dead: { what: "It used up its tries.", todo: "Mend the cause, then requeue it." },
  cancelled: { what: "It was cancelled.", todo: "Requeue it if it is wanted after all." },
  leased: { what: "It runs.", todo: "Nothing." },
  held_alone: {
    what: "A worker holds it, and runs it when it is alone.",
    todo: "Nothing: it lost a worker before, so it may not take neighbours along.",
  },
  lease_expired: {
    what: "Its worker stopped renewing the lease.",
    todo: "Nothing: another worker takes it. If it stays so, look at the workers.",
  },
  waits_signal: { what: "It waits for a signal.", todo: "Send it, or let its time run out." },
  waits_children: { what: "It waits for its children.", todo: "Look at the jobs it enqueued." },
  waits: { what: "It waits.", todo: "Nothing before its time." },
  wait_over: { what: "Its wait is over.", todo: "Nothing: a worker wakes it shortly." },
  delayed: { what: "It is wished for later.", todo: "Nothing before its time." },
  backing_off: {
    what: "It failed, and is tried again after a pause.",
    todo: "Read the code: if it cannot succeed, cancel it and mend the cause.",
  },
  outage_wait: {
    what: "What it needs was down.",
    todo: "Look at the resources. Nothing is charged to the job.",
  },
  paused: { what: "Its queue or type is paused.", todo: "Resume it under Queues." },
  no_worker: {
    what: "No live worker runs this type and version.",
    todo: "Start one that does; see Workers.",
  },
  workers_busy: {
    what: "All workers that could run it are full.",
    todo: "Wait, or start more workers.",
  },
  runs_alone: {
    what: "It must run alone, and no worker is empty.",
    todo: "Wait, or start another worker.",
  },
  breaker_open: {
    what: "The resource it needs is away.",
    todo: "Mend it, then close the breaker under Resources.",
  },
  breaker_probing: {
    what: "One job tries whether the resource is back.",
    todo: "Wait for its end.",
  },
  resource_full: { what: "The resource it needs is in use.", todo: "Wait, or allow more at once." },
  resource_slow: {
    what: "The resource starts slowly after an outage.",
    todo: "Wait: it takes more with every success.",
  },
  limit_full: { what: "Its limit is reached.", todo: "Wait, or raise the limit." },
  rate_used_up: { what: "Its rate is used up.", todo: "Wait for the next window." },
  tenant_turn: { what: "Other tenants come first.", todo: "Wait: tenants take turns." },
  waits_turn: { what: "Other jobs come first.", todo: "Wait for its turn." },
  due: { what: "Nothing holds it up.", todo: "Nothing: a worker takes it with its next look." },
};

/** What ended or delayed a job, in English. */
export const codesEn: Readonly<Record<WorkerErrorCode, Advice>> = {
  adapter_unknown: {
    what: "The adapter threw something it does not explain.",
    todo: "The log of the worker names the kind of error. Mend the adapter, then requeue.",
  },
  aborted: { what: "The phase was aborted.", todo: "Requeue it." },
  backend_busy: {
    what: "The backend had no room.",
    todo: "Allow fewer jobs at once, or give it more room. Then requeue.",
  },
  backend_failed: {
    what: "The backend answered with an error of its own.",
    todo: "Look at the backend’s log. Requeue when it is well.",
  },
  backend_timeout: {
    what: "The backend fell silent.",
    todo: "Is it overloaded, or is the model too large? Requeue when it answers.",
  },
  backend_unreachable: {
    what: "The backend could not be reached.",
    todo: "Check its address and that it runs. Requeue when it answers.",
  },
  cancelled: { what: "Somebody cancelled it.", todo: "Requeue it if it is wanted after all." },
  config_invalid: {
    what: "A setting does not fit.",
    todo: "Mend the setting the message names, restart the worker, then requeue.",
  },
  database_unavailable: {
    what: "Postgres could not be reached.",
    todo: "Look at the database. Requeue when it answers.",
  },
  deadline_exceeded: {
    what: "The phase took longer than it may.",
    todo: "Raise its deadline, or make the work smaller. Then requeue.",
  },
  effect_failed: {
    what: "The host’s own hook raised an error.",
    todo: "The code after it is an SQLSTATE. Mend the hook, then requeue.",
  },
  expired: {
    what: "Its time to live was over before it could run.",
    todo: "Find what held it up. Requeue it if it is still wanted.",
  },
  grant_missing: {
    what: "The worker’s login lacks a right in the database.",
    todo: "Run migrate --roles, then requeue.",
  },
  input_corrupt: {
    what: "The file cannot be read.",
    todo: "It will fail again: ask for the file anew.",
  },
  input_crashes_model: {
    what: "The model’s runner crashed on this input more than once.",
    todo: "It will crash again: try another model, or leave it.",
  },
  input_invalid: {
    what: "The input does not fit what its type expects.",
    todo: "Mend whoever enqueues it. Requeueing alone will not do.",
  },
  input_too_large: {
    what: "The input is larger than is allowed.",
    todo: "Raise the limit, or ask for a smaller one. Then requeue.",
  },
  input_unsupported: {
    what: "The kind of file is not supported.",
    todo: "It will fail again: ask for another kind of file.",
  },
  lease_lost: { what: "Its worker lost the lease.", todo: "Requeue it." },
  model_missing: {
    what: "The model is not on the backend.",
    todo: "Pull the model, close the breaker under Resources, then requeue.",
  },
  model_unsuitable: {
    what: "The model cannot do what the phase asks.",
    todo: "Configure another model, then requeue.",
  },
  not_found: { what: "Something it needs is not there.", todo: "The message names it." },
  output_invalid: {
    what: "The model’s answer did not fit its schema, also after repair.",
    todo: "Requeue it once. If it comes back, use another model.",
  },
  output_runaway: {
    what: "The model did not stop writing.",
    todo: "Requeue it once. If it comes back, use another model.",
  },
  output_truncated: {
    what: "The model’s answer was cut off.",
    todo: "Allow more tokens, then requeue.",
  },
  payload_too_large: {
    what: "The payload is larger than is allowed.",
    todo: "Store the large part elsewhere and enqueue a reference to it.",
  },
  phase_waiting: { what: "The phase waits.", todo: "Nothing." },
  schema_outdated: {
    what: "The schema is older than the worker.",
    todo: "Run migrate, then requeue.",
  },
  stalled: {
    what: "The phase made no progress for too long.",
    todo: "Look at the backend. Requeue when it is well.",
  },
  statement_failed: {
    what: "Postgres refused a statement.",
    todo: "The message has the SQLSTATE. Run doctor, then requeue.",
  },
  superseded: { what: "A newer job took its place.", todo: "Nothing: look at the newer one." },
  worker_lost: {
    what: "Its worker died while it ran, more than once, and also when it ran alone.",
    todo: "Look for what kills the process: memory, a crash in native code. Then requeue.",
  },
  worker_stopping: { what: "Its worker was stopped.", todo: "Nothing: it runs elsewhere." },
};
