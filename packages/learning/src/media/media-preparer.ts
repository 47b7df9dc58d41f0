import assert from "node:assert/strict";

import {
  type MediaHolder,
  type MediaSource,
  openMediaHolder,
  type PreparedPage,
} from "./media-holder.ts";
import { type MediaPreparerOptions, parseMediaOptions } from "./media-options.ts";
import type { MediaKind } from "./protocol.ts";
import { createSlots } from "./slots.ts";

/** Turns uploads into what a model can read, at a safe distance from the worker. */
export interface MediaPreparer extends AsyncDisposable {
  /**
   * Opens an upload in a process of its own, with limits of memory and time.
   *
   * Throws `input_corrupt`, `input_too_large` or `input_unsupported` for what can't be read. The signal kills the
   * process at once, also later, while pages are prepared.
   */
  open(source: MediaSource, options: { readonly signal: AbortSignal }): Promise<PreparedMedia>;
  /** Ends every process. Idempotent. */
  close(): Promise<void>;
}

/** An opened upload, held by a process of its own until it is closed. */
export interface PreparedMedia extends AsyncDisposable {
  readonly kind: MediaKind;
  /** 1 for a picture. */
  readonly pageCount: number;
  /**
   * Prepares one page, from 1. Only pages that are asked for are rendered, one at a time.
   *
   * After an error the upload is closed.
   */
  page(page: number): Promise<PreparedPage>;
  /** Ends the process. Idempotent. */
  close(): Promise<void>;
}

/** Creates a preparer. It starts no process before the first upload. */
export function createMediaPreparer(options: MediaPreparerOptions = {}): MediaPreparer {
  const settings = parseMediaOptions(options);
  const slots = createSlots(settings.processesMax);
  const holders = new Set<Promise<MediaHolder>>();
  const closing = new AbortController();

  const inSlot = async <Result>(
    signal: AbortSignal,
    work: () => Promise<Result>,
  ): Promise<Result> => {
    const release = await slots.acquire(signal);
    try {
      return await work();
    } finally {
      release();
    }
  };

  const close = async (): Promise<void> => {
    closing.abort();
    for (const opened of await Promise.allSettled(holders)) {
      if (opened.status === "fulfilled") await opened.value.close();
    }
  };

  return {
    async open(source, { signal: callerSignal }) {
      const signal = AbortSignal.any([callerSignal, closing.signal]);
      const opening = inSlot(signal, () => openMediaHolder(source, settings, signal));
      holders.add(opening);
      const forget = (): void => void holders.delete(opening);
      const holder = await opening.catch((error: unknown) => {
        forget();
        throw error;
      });
      return createPreparedMedia({
        holder,
        inSlot: (work) => inSlot(signal, work),
        onClose: forget,
      });
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createPreparedMedia({
  holder,
  inSlot,
  onClose,
}: {
  readonly holder: MediaHolder;
  readonly inSlot: (work: () => Promise<PreparedPage>) => Promise<PreparedPage>;
  readonly onClose: () => void;
}): PreparedMedia {
  const { kind, pageCount } = holder;
  let previous: Promise<unknown> = Promise.resolve();

  const close = async (): Promise<void> => {
    await holder.close();
    onClose();
  };

  return {
    kind,
    pageCount,
    page(page) {
      assert(
        Number.isInteger(page) && page >= 1 && page <= pageCount,
        `page must be from 1 to ${pageCount}, got ${page}`,
      );
      const prepared = previous.then(() => inSlot(() => holder.readPage(page)));
      previous = prepared.catch(() => undefined);
      return prepared;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
