import { deflateSync } from "node:zlib";

import { packedSpaces } from "./bomb.ts";
import { type FilesByEnd, type HostileFile, listFiles, secret } from "./hostile-file.ts";
import { pdfStream, writePackedPdf, writePdf, writtenSecret } from "./pdf-writer.ts";

const halfGigabyte = 536_870_912;
/** Thirty pages, which is as many as may be, as objects behind the five of every document. */
const pageNumbers = Array.from({ length: 30 }, (_, index) => index + 6);
const form = "/Type /XObject /Subtype /Form /BBox [0 0 9 9]";

/** A kilobyte that keeps a renderer busy for minutes: a page tiled with billions of tiles. */
export function timeBombPdf(): Uint8Array {
  const pattern =
    "/Type /Pattern /PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 5 5] /XStep 0.01 /YStep 0.01 /Resources << >>";
  return writePdf({
    content: "/Pattern cs /P scn 0 0 595 842 re f",
    resources: "/Pattern << /P 6 0 R >>",
    objects: [pdfStream(pattern, "1 0 0 rg 0 0 3 3 re f")],
  });
}

/** Three kilobytes that want more memory than there is: nine forms, each showing the next one ten times. */
function memoryBombPdf(): Uint8Array {
  const forms = Array.from({ length: 9 }, (_, index) =>
    pdfStream(`${form} /Resources << /XObject << /X ${index + 7} 0 R >> >>`, "/X Do ".repeat(10)),
  );
  return writePdf({
    content: "/X Do",
    resources: "/XObject << /X 6 0 R >>",
    objects: [...forms, pdfStream(form, "0 0 9 9 re f")],
  });
}

/** A page that shows a picture of which only the description is true to anything. */
function picturePdf(dictionary: string, data: string | Uint8Array): Uint8Array {
  return writePdf({
    content: "595 0 0 842 0 0 cm /I Do",
    resources: "/XObject << /I 6 0 R >>",
    objects: [pdfStream(`/Type /XObject /Subtype /Image ${dictionary}`, data)],
  });
}

/** Writes other numbers of the same length into a document. */
function rewritten(from: string, to: string, pdf: Uint8Array = writePdf()): Uint8Array {
  const bytes = Buffer.from(pdf);
  bytes.write(to, bytes.indexOf(from), "latin1");
  return bytes;
}

/** Puts more behind a document, which readers take for what was changed later. */
function appended(text: string): Uint8Array {
  return Buffer.concat([writePdf(), Buffer.from(text, "latin1")]);
}

const ends: FilesByEnd = {
  completed: {
    "that runs a script when opened": () =>
      writePdf({ catalog: `/OpenAction << /S /JavaScript /JS (app.alert\\("${secret}"\\)) >>` }),
    "that starts a program when opened": () =>
      writePdf({ catalog: "/OpenAction << /S /Launch /F (/bin/sh) /Win << /F (cmd.exe) >> >>" }),
    "that sends a form when opened": () =>
      writePdf({ catalog: "/OpenAction << /S /SubmitForm /F (http://127.0.0.1:9/) >>" }),
    "with a program attached": () =>
      writePdf({
        catalog:
          "/Names << /EmbeddedFiles << /Names [(run.exe) << /Type /Filespec /F (../../run.exe) /EF << /F 6 0 R >> >>] >> >>",
        objects: [pdfStream("/Type /EmbeddedFile", `MZ${secret}`)],
      }),
    "with a form of the other kind": () =>
      writePdf({
        catalog: "/AcroForm << /XFA 6 0 R /Fields [] >>",
        objects: [pdfStream("", `<xdp:xdp><script>${secret}</script></xdp:xdp>`)],
      }),
    "that wants a page from another file": () =>
      writePdf({
        resources: "/XObject << /X 6 0 R >>",
        content: `/X Do ${writtenSecret}`,
        objects: [pdfStream(`${form} /Ref << /F (/etc/passwd) /Page 0 >>`, "0 0 9 9 re f")],
      }),
    "two thousand kilometres wide": () => writePdf({ page: "/MediaBox [0 0 5600000000 842]" }),
    "whose table points nowhere": () => rewritten("0000000009", "0009999999"),
    "whose older table is itself": () =>
      appended("xref\n0 0\ntrailer\n<< /Size 6 /Root 1 0 R /Prev 9 >>\nstartxref\n9\n%%EOF\n"),
    "whose form shows itself": () =>
      writePdf({
        content: `/X Do ${writtenSecret}`,
        resources: "/XObject << /X 6 0 R >>",
        objects: [pdfStream(`${form} /Resources << /XObject << /X 6 0 R >> >>`, "/X Do")],
      }),
    "whose letters are drawn with themselves": () =>
      writePdf({
        resources: "/Font << /F1 6 0 R >>",
        objects: [
          "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 9 9] /FontMatrix [1 0 0 1 0 0] /FirstChar 65 /LastChar 65 " +
            "/Widths [9] /Encoding << /Differences [65 /A] >> /CharProcs << /A 7 0 R >> /Resources << /Font << /F1 6 0 R >> >> >>",
          pdfStream("", "9 0 d0 BT /F1 9 Tf (AAAA) Tj ET"),
        ],
        content: "BT /F1 9 Tf (AAAA) Tj ET",
      }),
    "whose page tree is its catalog": () => rewritten("/Pages 2", "/Pages 1"),
    "with a fax of four thousand million lines": () =>
      picturePdf(
        "/Width 9 /Height 4294967295 /BitsPerComponent 1 /ColorSpace /DeviceGray /Filter /CCITTFaxDecode",
        "rubbish",
      ),
    "with a broken font": () =>
      writePdf({
        resources: "/Font << /F1 6 0 R >>",
        objects: [
          "<< /Type /Font /Subtype /TrueType /BaseFont /X /FontDescriptor << /Type /FontDescriptor /FontName /X /Flags 4 /FontFile2 7 0 R >> >>",
          pdfStream("", Buffer.alloc(5000, 0xff)),
        ],
      }),
    "with a hundred thousand opened brackets": () =>
      writePdf({ content: `${"[".repeat(100_000)}${writtenSecret}` }),
    "that is an archive, too": () => appended(`PK\u0003\u0004${secret}PK\u0005\u0006`),
    "that begins as a page of script": () =>
      Buffer.concat([Buffer.from(`<script>alert("${secret}")</script>\n`), writePdf()]),
  },
  input_corrupt: {
    "that is nothing but a start and an end": () => Buffer.from("%PDF-1.7\n%%EOF\n"),
    "of rubbish": () => Buffer.from(`%PDF-1.7\n${"rubbish ".repeat(100)}${secret}\n%%EOF\n`),
    "of which half is missing": () => writePdf().subarray(0, writePdf().length / 2),
    "without pages": () => writePdf({ pages: "/Kids [] /Count 0" }),
    "whose page tree is its own branch": () => writePdf({ pages: "/Kids [2 0 R] /Count 1" }),
    "whose page is not there": () => writePdf({ pages: "/Kids [99 0 R] /Count 1" }),
  },
  input_unsupported: {
    "that is locked": () => {
      const key = `<${"5a".repeat(32)}>`;
      const lock = `/Filter /Standard /V 1 /R 2 /P -4 /O ${key} /U ${key}`;
      return writePdf({ trailer: `/ID [<01> <01>] /Encrypt << ${lock} >>` });
    },
  },
  input_too_large: {
    "of ten thousand pages": () =>
      writePdf({ pages: `/Kids [${"3 0 R ".repeat(10_000)}] /Count 10000` }),
    "that claims a million pages": () => writePdf({ pages: "/Kids [3 0 R] /Count 1000000" }),
    "that shows itself a thousand million times": memoryBombPdf,
    "of more letters than a learner may write": () =>
      writePdf({
        content: `BT /F1 10 Tf 15 TL 40 800 Td ${`(${secret.repeat(5)}) Tj T* `.repeat(50)} ET`,
        pages: `/Kids [${pageNumbers.map((number) => `${number} 0 R`).join(" ")}] /Count 30`,
        objects: pageNumbers.map(
          () =>
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R /Resources << /Font << /F1 4 0 R >> >> >>",
        ),
      }),
  },
};

/** Documents that lie, swell, act, or go round in circles. */
export const pdfs: readonly HostileFile[] = listFiles("a document", "application/pdf", ends);

/** Documents that cost their reader seconds before they are known for what they are. */
export const heavyPdfs: readonly HostileFile[] = listFiles("a document", "application/pdf", {
  completed: {
    "with a million saved states": () =>
      writePdf({ content: `${"q ".repeat(1_000_000)}${writtenSecret}` }),
    "with five thousand notes": () =>
      writePdf({
        page: `/MediaBox [0 0 595 842] /Annots [${"<< /Type /Annot /Subtype /Text /Rect [0 0 9 9] >> ".repeat(5000)}]`,
      }),
    "with a picture of a hundred million pixels": () =>
      picturePdf(
        "/Width 10000 /Height 10000 /BitsPerComponent 8 /ColorSpace /DeviceRGB",
        "rubbish",
      ),
  },
  input_too_large: {
    "that unpacks to half a gigabyte in two steps": () =>
      writePdf({
        content: pdfStream(
          "/Filter [/FlateDecode /FlateDecode]",
          deflateSync(packedSpaces(halfGigabyte)),
        ),
      }),
    "that unpacks to half a gigabyte": () =>
      writePdf({ content: pdfStream("/Filter /FlateDecode", packedSpaces(halfGigabyte)) }),
    "whose objects unpack to half a gigabyte": () => writePackedPdf(packedSpaces(halfGigabyte)),
  },
});
