import { withDeadline } from "../deadline.ts";
import { abortMsMax, answerMsMax, within } from "./loop-time.ts";
import {
  assertLetsGo,
  begin,
  call,
  createContext,
  expectError,
  type ModelPromise,
  promise,
} from "./subject.ts";

/** A deadline that comes soon, for a request that takes longer. */
const deadlineMs = 100;

/** What is promised of calls that somebody ends. */
export const endPromises: Readonly<Record<string, ModelPromise>> = {
  "refuses a call whose signal is aborted already": promise(async (model, subject) => {
    const response = call(model, subject.request, { signal: AbortSignal.abort() });

    await expectError(response, ["aborted"]);
  }),

  "gives no answer after an abort at its first sign of progress": promise(
    async (model, subject) => {
      const controller = new AbortController();

      const response = call(model, subject.request, {
        signal: controller.signal,
        progress: () => controller.abort(),
      });

      await expectError(response, ["aborted"]);
    },
  ),

  "stops when it is aborted before the first byte": promise(async (model, { slowRequest }) => {
    const { response, abort } = await begin(model, slowRequest);

    abort();

    await within(abortMsMax, expectError(response, ["aborted"]), "the end after an abort");
  }),

  "stops when it is aborted in the middle of an answer": promise(
    async (model, { endlessRequest }) => {
      const { response, abort } = await begin(model, endlessRequest, "decoding");

      abort();

      await within(abortMsMax, expectError(response, ["aborted"]), "the end after an abort");
    },
    ["endlessRequest"],
  ),

  "ends the backend's work when it is aborted before the first byte": promise(
    async (model, { slowRequest, backend }) => {
      await assertLetsGo(backend, () => begin(model, slowRequest));
    },
    ["backend"],
  ),

  "ends the backend's work when it is aborted in the middle of an answer": promise(
    async (model, { endlessRequest, backend }) => {
      await assertLetsGo(backend, () => begin(model, endlessRequest, "decoding"));
    },
    ["backend", "endlessRequest"],
  ),

  "ends the call that is aborted, and no other": promise(
    async (model, { slowRequest, request }) => {
      const { response, abort } = await begin(model, slowRequest);
      const other = call(model, request);
      other.catch(() => {});

      abort();

      await within(abortMsMax, expectError(response, ["aborted"]), "the end after an abort");
      await within(answerMsMax, other, "the answer to the other call");
    },
  ),

  "stops at its deadline": promise(async (model, { slowRequest }) => {
    // As programs do it: the signal aborts at the deadline, and what was shown decides whose fault it is.
    const work = withDeadline(createContext(), deadlineMs, (context) =>
      model.generate(slowRequest, context),
    );

    await within(
      deadlineMs + abortMsMax,
      // Which of them it is depends on what was shown before.
      expectError(work, ["backend_timeout", "output_runaway"]),
      "the end after the deadline",
    );
  }),

  "prepares under the caller's signal": promise(async (model) => {
    if (model.prepare === undefined) return;
    const context = createContext({ signal: AbortSignal.abort() });

    await expectError(model.prepare(context), ["aborted"]);
  }),
};
