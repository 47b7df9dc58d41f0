/** What one upload may cost. Everything beyond is refused with `input_too_large`. */
export interface MediaLimits {
  /** Default: 10,485,760 (ten mebibytes). */
  readonly bytesMax: number;
  /** Pixels of one picture, read from its header before anything is decoded. Default: 50,000,000. */
  readonly pixelsMax: number;
  /** Pages of one document. Default: 30. */
  readonly pagesMax: number;
  /** Working time on one opened document; waiting between two pages does not count. Default: 30,000. */
  readonly documentTimeoutMs: number;
  /** Working time on one page. Default: 15,000. */
  readonly pageTimeoutMs: number;
  /** Resident memory of the process that holds the document. Default: 805,306,368 (768 mebibytes). */
  readonly memoryBytesMax: number;
}

/** The limits of a media preparer that was given none. */
export const mediaLimits: MediaLimits = Object.freeze({
  bytesMax: 10_485_760,
  pixelsMax: 50_000_000,
  pagesMax: 30,
  documentTimeoutMs: 30_000,
  pageTimeoutMs: 15_000,
  memoryBytesMax: 805_306_368,
});

/**
 * The least a child process needs before it has seen a document.
 *
 * A lower memory limit would refuse everybody.
 */
export const memoryBytesMin = 268_435_456;
