import type { RenderSettings } from "./protocol.ts";

/** Pixels as PDFium paints them: blue, green, red and an unused byte, row by row from the top, without padding. */
export interface PixelsBgrx {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Decodes and encodes pictures. Lives in the child process only. Throws a `MediaRefusal` for pictures it can't read. */
export interface ImageCodec {
  /**
   * Turns a PNG or JPEG into a JPEG for a model: upright, see-through parts on white, no larger than the settings say,
   * and never enlarged.
   */
  encodePicture(picture: Uint8Array, settings: RenderSettings): Promise<Uint8Array>;
  /** Encodes pixels as they are. */
  encodePixels(pixels: PixelsBgrx, settings: RenderSettings): Promise<Uint8Array>;
}
