import { secret } from "./hostile-file.ts";

/** An object of a document: what stands between `obj` and `endobj`. */
export type PdfObject = string | Uint8Array;

/** A document of one page, of which every part can be replaced by something else. */
export interface PdfSource {
  /** What the page shows, or the stream that says so. Default: the secret. */
  readonly content?: PdfObject;
  /** What stands between `<<` and `>>` of its resources, after a font `/F1`. */
  readonly resources?: string;
  /** More entries of the page. An A4 page has the media box. */
  readonly page?: string;
  /** More entries of the catalog. */
  readonly catalog?: string;
  /** More entries of the trailer. */
  readonly trailer?: string;
  /** Default: one page. */
  readonly pages?: string;
  /** More objects, numbered from 6. */
  readonly objects?: readonly PdfObject[];
}

const a4 = "/MediaBox [0 0 595 842]";

/** Text at the top of the page. */
export const writtenSecret: string = `BT /F1 14 Tf 60 780 Td (${secret}) Tj ET`;

/** Objects 1 to 5 are catalog, page tree, page, font and the content of the page. */
export function writePdf(source: PdfSource = {}): Uint8Array {
  const { content = writtenSecret, resources = "", page = a4, catalog = "" } = source;
  const { trailer = "", objects = [], pages = "/Kids [3 0 R] /Count 1" } = source;
  const all = [
    `<< /Type /Catalog /Pages 2 0 R ${catalog} >>`,
    `<< /Type /Pages ${pages} >>`,
    `<< /Type /Page /Parent 2 0 R ${page} /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> ${resources} >> >>`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    typeof content === "string" ? pdfStream("", content) : content,
    ...objects,
  ];
  return assemble(all, trailer);
}

export function pdfStream(dictionary: string, content: string | Uint8Array): Uint8Array {
  const body = Buffer.from(typeof content === "string" ? Buffer.from(content, "latin1") : content);
  const head = `<< ${dictionary} /Length ${body.length} >>\nstream\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body, Buffer.from("\nendstream")]);
}

/** A document whose page is an object within a stream that unpacks to more than there is. */
export function writePackedPdf(packed: Uint8Array): Uint8Array {
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "null",
    pdfStream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", packed),
  ];
  const { parts, offsets, length } = layOut(objects);
  const size = offsets.length + 2;
  const table = Buffer.alloc(size * 7);
  for (const [index, offset] of [...offsets, length].entries()) {
    table.writeUInt8(1, (index + 1) * 7);
    table.writeUInt32BE(offset, (index + 1) * 7 + 1);
  }
  // The page is the first within object 4.
  table.writeUInt8(2, 3 * 7);
  table.writeUInt32BE(4, 3 * 7 + 1);
  const dictionary = `/Type /XRef /Size ${size} /W [1 4 2] /Root 1 0 R`;
  return Buffer.concat([
    ...parts,
    Buffer.from(`${offsets.length + 1} 0 obj\n`),
    pdfStream(dictionary, table),
    Buffer.from(`\nendobj\nstartxref\n${length}\n%%EOF\n`),
  ]);
}

function assemble(objects: readonly PdfObject[], trailer: string): Uint8Array {
  const { parts, offsets, length } = layOut(objects);
  const entries = offsets.map((offset) => `${String(offset).padStart(10, "0")} 00000 n \n`);
  const size = objects.length + 1;
  const info = `/Info << /Title (${secret}) >>`;
  const table =
    `xref\n0 ${size}\n0000000000 65535 f \n${entries.join("")}` +
    `trailer\n<< /Size ${size} /Root 1 0 R ${info} ${trailer} >>\nstartxref\n${length}\n%%EOF\n`;
  return Buffer.concat([...parts, Buffer.from(table, "latin1")]);
}

/** Numbers the objects from 1 and notes where each begins. */
function layOut(objects: readonly PdfObject[]): {
  readonly parts: readonly Uint8Array[];
  readonly offsets: readonly number[];
  readonly length: number;
} {
  const parts: Uint8Array[] = [Buffer.from("%PDF-1.7\n")];
  const offsets: number[] = [];
  let length = 9;
  for (const [index, object] of objects.entries()) {
    const part = Buffer.concat([
      Buffer.from(`${index + 1} 0 obj\n`),
      typeof object === "string" ? Buffer.from(object, "latin1") : object,
      Buffer.from("\nendobj\n"),
    ]);
    offsets.push(length);
    parts.push(part);
    length += part.length;
  }
  return { parts, offsets, length };
}
