-- The trace a job was enqueued in, as a `traceparent` of W3C Trace Context. Nobody here reads it: it is handed on to the
-- phases, so that what they do belongs to the trace of who asked for it.
alter table :"schema".job add column trace text;
-- Every row there is has none, so they need not be read for this.
alter table :"schema".job add constraint trace_invalid check (
  trace ~ '^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$'
) not valid;
