/**
 * Writes the sample submissions of `examples/submissions`: our own words, drawn by our own hand, so that nobody's work
 * lies in the repository. The same Bun version writes the same bytes.
 */
import { mkdir } from "node:fs/promises";

import { createMediaPreparer } from "../packages/learning/src/media/media-preparer.ts";
import { insertExif } from "../packages/learning/test/fixtures/exif.ts";
import {
  createPdfWriter,
  pdfLines,
  type PdfPageSource,
} from "../packages/learning/test/fixtures/pdf.ts";

const folder = new URL("../examples/submissions/", import.meta.url);

const essay = `# Der Bach hinter der Schule

Hinter unserer Schule fließt ein kleiner Bach. Im Sommer ist er so schmal, dass man darüber springen kann. Nach dem
Regen im März wird er breit und laut, und dann dürfen wir nicht mehr ans Ufer.

Unsere Klasse hat den Bach ein halbes Jahr lang beobachtet. Wir haben jede Woche gemessen, wie tief das Wasser ist und
wie warm. Am Anfang dachten wir, dass im Winter nichts lebt. Das stimmt nicht: Unter den Steinen fanden wir
Köcherfliegenlarven, sogar als am Rand schon Eis war.

Ich finde, dass man den Bach nicht begradigen soll. Wenn das Wasser gerade fließt, ist es schneller, und die Larven
finden keinen Halt. Außerdem überschwemmt ein gerader Bach die Wiesen weiter unten. Ein krummer Bach braucht mehr
Platz, aber er schadet niemandem.

Deshalb schlage ich vor, dass unsere Schule die Patenschaft für den Bach übernimmt. Wir könnten zweimal im Jahr den Müll
sammeln und die Messungen im Flur aushängen.
`;

const letter = [
  "Klasse 7b der Schule am Lindenberg",
  "",
  "Sehr geehrte Frau Bürgermeisterin,",
  "",
  "wir schreiben Ihnen, weil der Spielplatz an der Mühlstraße seit dem",
  "Frühjahr gesperrt ist. Die Schaukel ist kaputt, und am Klettergerüst",
  "fehlen zwei Sprossen. Viele jüngere Kinder spielen deshalb auf dem",
  "Parkplatz, und das ist gefährlich.",
  "",
  "Wir haben im Unterricht gerechnet, was eine Reparatur kosten würde.",
  "Eine neue Schaukel kostet etwa 900 €, die Sprossen etwa 120 €. Unsere",
  "Klasse hat beim Sommerfest 340 € gesammelt. Wir möchten das Geld",
  "spenden, wenn die Stadt den Rest bezahlt.",
  "",
  "Bitte antworten Sie uns bis zu den Herbstferien. Wir kommen auch gern",
  "ins Rathaus und zeigen Ihnen unsere Zeichnungen.",
  "",
  "Mit freundlichen Grüßen",
  "die Klasse 7b",
];

const homework = [
  "Hausaufgabe Mathe, S. 48 Nr. 3",
  "",
  "Ein Zug fährt in 2 Stunden 180 km.",
  "Wie weit fährt er in 5 Stunden?",
  "",
  "Rechnung:",
  "2 h  –  180 km",
  "1 h  –   90 km",
  "5 h  –  450 km",
  "",
  "Antwort: In 5 Stunden fährt",
  "der Zug 450 km weit.",
  "",
  "Das gilt nur, wenn er immer",
  "gleich schnell fährt.",
];

const worksheet = [
  "Arbeitsblatt: Die vier Jahreszeiten",
  "",
  "1. Wann ist der längste Tag des Jahres?",
  "    Am 21. Juni.",
  "",
  "2. Warum ist es im Winter kälter?",
  "    Weil die Sonne flacher scheint und die Tage kürzer sind.",
  "",
  "3. Wo ist Sommer, wenn bei uns Winter ist?",
  "    Auf der Südhalbkugel, zum Beispiel in Australien.",
];

const protocol = [
  [
    "Versuchsprotokoll, Seite 1",
    "",
    "Frage: Schmilzt Eis schneller,",
    "wenn man Salz darauf streut?",
    "",
    "Vermutung: Ja, weil man im Winter",
    "die Wege mit Salz streut.",
    "",
    "Material: zwei Eiswürfel, zwei",
    "Teller, ein Löffel Salz, eine Uhr.",
  ],
  [
    "Versuchsprotokoll, Seite 2",
    "",
    "Durchführung: Wir legen je einen",
    "Eiswürfel auf einen Teller. Auf den",
    "linken streuen wir das Salz.",
    "",
    "Beobachtung:",
    "nach  5 min: links viel Wasser",
    "nach 10 min: links halb so groß",
    "nach 20 min: links geschmolzen",
    "nach 34 min: rechts geschmolzen",
  ],
  [
    "Versuchsprotokoll, Seite 3",
    "",
    "Ergebnis: Mit Salz schmilzt das Eis",
    "schneller. Die Vermutung stimmt.",
    "",
    "Fehler: Die Würfel waren nicht genau",
    "gleich groß. Beim nächsten Mal",
    "wiegen wir sie vorher.",
  ],
];

await mkdir(folder, { recursive: true });
await save("text.md", new TextEncoder().encode(essay));
await save("letter.pdf", drawLetter());
await save("photo.jpg", await drawPhoto());
await save("page.png", await drawPage());
await save("scan.pdf", await drawScan());

async function save(name: string, bytes: Uint8Array): Promise<void> {
  await Bun.write(new URL(name, folder), bytes);
  console.log(`${name.padEnd(12)} ${String(bytes.length).padStart(8)} bytes`);
}

function drawLetter(): Uint8Array {
  const pdf = createPdfWriter();
  pdf.addPage({ content: pdfLines(letter, { x: 72, y: 760, size: 13 }) });
  return pdf.toBytes();
}

/**
 * A sheet of paper on a table, as a phone stores it: lying on its side, with a tag that says how to turn it, and with
 * the place it was taken at. The red corner is the upper left one of the upright picture.
 */
async function drawPhoto(): Promise<Uint8Array> {
  const ruled = Array.from(
    { length: 17 },
    (_, line) => `70 ${1010 - line * 54} m 830 ${1010 - line * 54} l S`,
  );
  const upright = await render(
    {
      size: [900, 1200],
      content: [
        "0.42 0.29 0.19 rg 0 0 900 1200 re f",
        "0.38 0.26 0.17 rg 0 150 900 6 re f 0 640 900 6 re f 0 1120 900 6 re f",
        "0.86 0.1 0.12 rg 0 1140 60 60 re f",
        // Turned by a degree or so: nobody holds a phone straight.
        "q 0.9998 0.021 -0.021 0.9998 14 -8 cm",
        "0.3 0.2 0.13 rg 52 48 800 1074 re f",
        "0.955 0.945 0.9 rg 46 56 800 1074 re f",
        "0.7 0.8 0.9 RG 1.4 w",
        ...ruled,
        "0.9 0.55 0.55 RG 130 60 m 130 1126 l S",
        "0.12 0.16 0.42 rg",
        pdfLines(homework, { x: 150, y: 1020, size: 38, leading: 54 }),
        "Q",
      ].join("\n"),
    },
    { font: "Times-Italic", longSide: 1200 },
  );
  const stored = await new Bun.Image(upright).rotate(270).jpeg({ quality: 80 }).bytes();
  return insertExif(stored, { orientation: 6, north: [52, 31, 12], east: [13, 24, 36] });
}

async function drawPage(): Promise<Uint8Array> {
  const jpeg = await render(
    {
      content: [
        "0.95 0.97 1 rg 40 420 515 380 re f 0.2 0.3 0.6 RG 40 420 515 380 re S 0 g",
        pdfLines(worksheet, { x: 60, y: 760, size: 17, leading: 30 }),
      ].join("\n"),
    },
    { font: "Helvetica", longSide: 1100 },
  );
  return await new Bun.Image(jpeg).png({ palette: true, colors: 16, compressionLevel: 9 }).bytes();
}

/** Three pictures in a PDF and not one letter, as a scanner writes it. */
async function drawScan(): Promise<Uint8Array> {
  const pdf = createPdfWriter();
  for (const [index, lines] of protocol.entries()) {
    const tilt = [0.006, -0.009, 0.004][index] ?? 0;
    const jpeg = await render(
      {
        content: [
          "0.97 g 0 0 595 842 re f",
          "0.85 g 0 0 9 842 re f",
          `q 1 ${tilt} ${-tilt} 1 0 0 cm 0.18 g`,
          pdfLines(lines, { x: 60, y: 750, size: 26, leading: 42 }),
          "Q",
          specks(index + 1),
        ].join("\n"),
      },
      { font: "Times-Italic", longSide: 1240 },
    );
    const grey = await new Bun.Image(jpeg)
      .modulate({ saturation: 0 })
      .jpeg({ quality: 60 })
      .bytes();
    const { width, height } = await new Bun.Image(grey).metadata();
    const image = pdf.addStream(
      `/Type /XObject /Subtype /Image /Width ${width} /Height ${height} /BitsPerComponent 8 ` +
        "/ColorSpace /DeviceRGB /Filter /DCTDecode",
      grey,
    );
    pdf.addPage({
      content: "q 595 0 0 842 0 0 cm /Page Do Q",
      resources: `/XObject << /Page ${image} >>`,
    });
  }
  return pdf.toBytes();
}

/** Dust on the glass. The numbers come from a generator with a fixed start, so that they never change. */
function specks(seed: number): string {
  let state = seed * 7919;
  const next = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const dots = Array.from({ length: 40 }, () => `${next(595)} ${next(842)} 1 1 re f`);
  return `0.6 g ${dots.join(" ")}`;
}

async function render(
  page: PdfPageSource,
  { font, longSide }: { readonly font: string; readonly longSide: number },
): Promise<Uint8Array> {
  await using preparer = createMediaPreparer({
    longSidePixels: longSide,
    jpegQuality: 95,
    textLayerCharactersMin: Number.POSITIVE_INFINITY,
  });
  const pdf = createPdfWriter({ font });
  pdf.addPage(page);
  await using media = await preparer.open(
    { bytes: pdf.toBytes(), mediaType: "application/pdf" },
    { signal: AbortSignal.timeout(60_000) },
  );
  const { image } = await media.page(1);
  if (image === undefined) throw new Error("The page was not painted.");
  return image.bytes;
}
