import { expect, test } from "bun:test";
import { deflateSync } from "node:zlib";

import { MediaRefusal } from "../../src/media/media-refusal.ts";
import { openPdf } from "../../src/media/pdf.ts";
import { loadPdfium } from "../../src/media/pdfium.ts";
import type { RenderSettings } from "../../src/media/protocol.ts";
import { createPdfWriter } from "../fixtures/pdf.ts";

const settings: RenderSettings = {
  longSidePixels: 400,
  jpegQuality: 85,
  textLayerCharactersMin: 32,
  pixelsMax: 50_000_000,
  pagesMax: 30,
  pdfBytesMax: 50_331_648,
};

test("refuses a page whose picture found no memory, instead of showing an empty sheet", async () => {
  const side = 20_000;
  const pdf = createPdfWriter();
  const picture = pdf.addStream(
    `/Type /XObject /Subtype /Image /Width ${side} /Height ${side} /BitsPerComponent 1 ` +
      "/ColorSpace /DeviceGray /Filter /FlateDecode",
    deflateSync(Buffer.alloc((side / 8) * side), { level: 1 }),
  );
  pdf.addPage({
    content: "q 595 0 0 842 0 0 cm /I Do Q",
    resources: `/XObject << /I ${picture} >>`,
  });
  const document = openPdf(await loadPdfium(settings.pdfBytesMax), pdf.toBytes(), settings);

  const read = (): unknown => document.readPage(1);

  expect(read).toThrow(new MediaRefusal("memory_limit"));
});

test("reads one page after another without keeping what each of them took", async () => {
  const pdf = createPdfWriter();
  pdf.addPage({ content: "1 0 0 rg 0 0 595 842 re f" });
  const pdfium = await loadPdfium(settings.pdfBytesMax);
  const document = openPdf(pdfium, pdf.toBytes(), { ...settings, longSidePixels: 1500 });

  // Six megabytes each: a page that was not given back would end this before the tenth.
  const pages = Array.from({ length: 30 }, () => document.readPage(1));

  expect(pages.every((page) => "pixels" in page)).toBe(true);
});
