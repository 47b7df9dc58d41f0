import { type CallErrors, createCallErrors } from "@leasehold/model/http";

/** The errors of a call of Ollama that do not depend on what the server says. */
export const callErrors: CallErrors = createCallErrors("Ollama");

/** See {@link CallErrors}. */
export const toRunawayError: CallErrors["toRunawayError"] = callErrors.toRunawayError;

/** See {@link CallErrors}. */
export const toStreamError: CallErrors["toStreamError"] = callErrors.toStreamError;

/** See {@link CallErrors}. */
export const toTransportError: CallErrors["toTransportError"] = callErrors.toTransportError;
