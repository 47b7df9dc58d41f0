import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";

import { samples } from "./worker-bench.ts";

/** Begins and ends like a document, with nothing in between that a reader could use. */
export function corruptPdf(): Uint8Array {
  return Buffer.from(`%PDF-1.7\n${"rubbish ".repeat(100)}\n%%EOF\n`);
}

/** Three kilobytes that want more memory than there is: nine forms, each showing the next one ten times. */
export function memoryBombPdf(): Uint8Array {
  const content = "0 0 9 9 re f";
  const form = "/Type /XObject /Subtype /Form /BBox [0 0 9 9]";
  const forms = Array.from({ length: 9 }, (_, index) =>
    pdfStream(`${form} /Resources << /XObject << /X ${index + 4} 0 R >> >>`, "/X Do ".repeat(10)),
  );
  return writePdf({
    content: "/X Do",
    resources: `/XObject << /X ${4 + forms.length} 0 R >>`,
    objects: [pdfStream(form, content), ...forms],
  });
}

/** A kilobyte that keeps a renderer busy for minutes: a page tiled with billions of tiles. */
export function timeBombPdf(): Uint8Array {
  const pattern =
    "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 5 5] /XStep 0.01 /YStep 0.01 /Resources << >>";
  return writePdf({
    content: "/Pattern cs /P scn 0 0 595 842 re f",
    resources: "/Pattern << /P 4 0 R >>",
    objects: [pdfStream(pattern, "1 0 0 rg 0 0 3 3 re f")],
  });
}

/** Sixty million pixels in a small file, because they are all black. */
export function hugePng(): Uint8Array {
  const [width, height] = [10_000, 6_000];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits of grey.
  header.writeUInt8(8, 8);
  return Buffer.concat([
    Buffer.from("\u0089PNG\r\n\u001A\n", "latin1"),
    pngChunk("IHDR", header),
    pngChunk("IDAT", deflateSync(Buffer.alloc((1 + width) * height), { level: 1 })),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A photo of which half never arrived. */
export async function truncatedJpeg(): Promise<Uint8Array> {
  const bytes = await readFile(join(samples, "photo.jpg"));
  return bytes.subarray(0, bytes.length / 2);
}

function pdfStream(dictionary: string, content: string): string {
  return `<< ${dictionary} /Length ${content.length} >>\nstream\n${content}\nendstream`;
}

/** Writes a document of one page. Objects 1 to 3 are catalog, page tree and page; the page's content is the last. */
function writePdf({
  content,
  resources,
  objects,
}: {
  readonly content: string;
  readonly resources: string;
  /** Numbered from 4. */
  readonly objects: readonly string[];
}): Uint8Array {
  const all = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${objects.length + 4} 0 R /Resources << ${resources} >> >>`,
    ...objects,
    pdfStream("", content),
  ];
  let file = "%PDF-1.7\n";
  const entries = all.map((object, index) => {
    const entry = `${String(file.length).padStart(10, "0")} 00000 n \n`;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return entry;
  });
  const size = all.length + 1;
  const start = file.length;
  return Buffer.from(
    `${file}xref\n0 ${size}\n0000000000 65535 f \n${entries.join("")}` +
      `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`,
    "latin1",
  );
}

function pngChunk(type: string, data: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(data, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}
