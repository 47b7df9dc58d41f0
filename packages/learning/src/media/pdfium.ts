import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { PDFiumModule } from "@hyzyla/pdfium";

/**
 * PDFium's own C interface, as compiled to WebAssembly: numbers are pointers and handles, 0 means "none" or "failed".
 *
 * The package's friendlier classes are not used: they never close a page of which only the text was read, paint text
 * with coloured fringes, name the byte order wrongly, and do not reach annotations and the bounds of objects.
 */
export interface PdfiumFunctions {
  FPDF_InitLibrary(): void;
  FPDF_LoadMemDocument(data: number, size: number, password: number): number;
  FPDF_GetLastError(): number;
  FPDF_GetPageCount(document: number): number;
  FPDF_LoadPage(document: number, index: number): number;
  FPDF_ClosePage(page: number): void;
  FPDF_GetPageWidthF(page: number): number;
  FPDF_GetPageHeightF(page: number): number;
  FPDFPage_GetAnnotCount(page: number): number;
  FPDFPage_GetAnnot(page: number, index: number): number;
  FPDFPage_CloseAnnot(annotation: number): void;
  FPDFAnnot_GetSubtype(annotation: number): number;
  FPDFPage_Flatten(page: number, usage: number): number;
  FPDFPage_CountObjects(page: number): number;
  FPDFPage_GetObject(page: number, index: number): number;
  FPDFPageObj_GetType(object: number): number;
  FPDFPageObj_GetBounds(
    object: number,
    left: number,
    bottom: number,
    right: number,
    top: number,
  ): number;
  FPDFTextObj_GetTextRenderMode(object: number): number;
  FPDFTextObj_GetText(object: number, textPage: number, target: number, bytes: number): number;
  FPDFPageObj_GetFillColor(
    object: number,
    red: number,
    green: number,
    blue: number,
    alpha: number,
  ): number;
  FPDF_GetPageBoundingBox(page: number, rectangle: number): number;
  FPDF_PageToDevice(
    page: number,
    left: number,
    top: number,
    width: number,
    height: number,
    rotation: number,
    x: number,
    y: number,
    deviceX: number,
    deviceY: number,
  ): number;
  FPDFPath_CountSegments(object: number): number;
  FPDFFormObj_CountObjects(object: number): number;
  FPDFFormObj_GetObject(object: number, index: number): number;
  FPDFText_LoadPage(page: number): number;
  FPDFText_ClosePage(textPage: number): void;
  FPDFText_CountChars(textPage: number): number;
  FPDFText_GetText(textPage: number, start: number, count: number, target: number): number;
  FPDFBitmap_CreateEx(
    width: number,
    height: number,
    format: number,
    data: number,
    stride: number,
  ): number;
  FPDFBitmap_Destroy(bitmap: number): void;
  FPDFBitmap_GetBuffer(bitmap: number): number;
  FPDFBitmap_GetStride(bitmap: number): number;
  FPDFBitmap_FillRect(
    bitmap: number,
    left: number,
    top: number,
    width: number,
    height: number,
    argb: number,
  ): void;
  FPDF_RenderPageBitmap(
    bitmap: number,
    page: number,
    left: number,
    top: number,
    width: number,
    height: number,
    rotation: number,
    flags: number,
  ): void;
}

interface PdfiumExports extends PdfiumFunctions {
  malloc(bytes: number): number;
  free(pointer: number): void;
  readonly memory: WebAssembly.Memory;
}

/** What the engine wants from outside: by module, by name. */
type PdfiumImports = NonNullable<ConstructorParameters<typeof WebAssembly.Instance>[1]>;

/** The engine, its memory, and whether that memory was ever refused. */
export interface Pdfium {
  readonly call: PdfiumFunctions;
  /** Reserves memory inside the engine. Throws when there is none left. */
  allocate(bytes: number): number;
  free(pointer: number): void;
  /** A view that is valid until the next call. */
  memory(pointer: number, bytes: number): Uint8Array;
  /** PDFium leaves out what it has no memory for and goes on; only this tells. */
  wasStarved(): boolean;
}

/** How the package's loader is really called; its types describe another signature. */
type LoadModule = (options: {
  readonly print: () => void;
  readonly printErr: () => void;
  readonly instantiateWasm: (
    imports: PdfiumImports,
    done: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
  ) => object;
}) => Promise<unknown>;

/**
 * Starts PDFium and refuses it memory beyond a limit.
 *
 * It asks for a fifth more than it needs, so its memory may end up that much above the limit.
 */
export async function loadPdfium(bytesMax: number): Promise<Pdfium> {
  let starved = false;
  const exports = await instantiate((imports) =>
    capMemory(imports, bytesMax, () => {
      starved = true;
    }),
  );
  exports.FPDF_InitLibrary();

  return {
    call: exports,
    allocate(bytes) {
      const pointer = exports.malloc(bytes) >>> 0;
      if (pointer === 0) throw new Error("PDFium has no memory left.");
      return pointer;
    },
    free: (pointer) => exports.free(pointer),
    memory: (pointer, bytes) => new Uint8Array(exports.memory.buffer, pointer >>> 0, bytes),
    wasStarved: () => starved,
  };
}

/** Lets the package's own loader start the engine, and keeps the engine's functions for ourselves. */
async function instantiate(
  adapt: (imports: PdfiumImports) => PdfiumImports,
): Promise<PdfiumExports> {
  const wasm = await readFile(fileURLToPath(import.meta.resolve("@hyzyla/pdfium/pdfium.wasm")));
  const compiled = await WebAssembly.compile(wasm);
  const loader: unknown = PDFiumModule;
  if (!isLoadModule(loader)) throw new Error("@hyzyla/pdfium has no loader.");
  let exports: unknown;
  await loader({
    // Standard output carries our frames.
    print: ignore,
    printErr: ignore,
    instantiateWasm: (imports, done) => {
      void WebAssembly.instantiate(compiled, adapt(imports)).then((instance) => {
        exports = instance.exports;
        done(instance, compiled);
      });
      return {};
    },
  });
  if (!isPdfiumExports(exports)) throw new Error("@hyzyla/pdfium lacks a function we call.");
  return exports;
}

/** The engine asks for memory through one import. Ours answers "no" beyond the limit. */
function capMemory(imports: PdfiumImports, bytesMax: number, onRefused: () => void): PdfiumImports {
  const environment = imports["env"] ?? {};
  const grow: unknown = environment["emscripten_resize_heap"];
  if (!isGrow(grow)) throw new Error("@hyzyla/pdfium grows its memory in another way.");
  const growWithin = (bytes: number): number => {
    // The number arrives signed.
    if (bytes >>> 0 <= bytesMax) return grow(bytes);
    onRefused();
    return 0;
  };
  return { ...imports, env: { ...environment, emscripten_resize_heap: growWithin } };
}

function ignore(): void {}

function isLoadModule(value: unknown): value is LoadModule {
  return typeof value === "function";
}

function isGrow(value: unknown): value is (bytes: number) => number {
  return typeof value === "function";
}

const functionNames: readonly (keyof PdfiumExports)[] = [
  "malloc",
  "free",
  "FPDF_InitLibrary",
  "FPDF_LoadMemDocument",
  "FPDF_GetLastError",
  "FPDF_GetPageCount",
  "FPDF_LoadPage",
  "FPDF_ClosePage",
  "FPDF_GetPageWidthF",
  "FPDF_GetPageHeightF",
  "FPDFPage_GetAnnotCount",
  "FPDFPage_GetAnnot",
  "FPDFPage_CloseAnnot",
  "FPDFAnnot_GetSubtype",
  "FPDFPage_Flatten",
  "FPDFPage_CountObjects",
  "FPDFPage_GetObject",
  "FPDFPageObj_GetType",
  "FPDFPageObj_GetBounds",
  "FPDFTextObj_GetTextRenderMode",
  "FPDFTextObj_GetText",
  "FPDFPageObj_GetFillColor",
  "FPDF_GetPageBoundingBox",
  "FPDF_PageToDevice",
  "FPDFPath_CountSegments",
  "FPDFFormObj_CountObjects",
  "FPDFFormObj_GetObject",
  "FPDFText_LoadPage",
  "FPDFText_ClosePage",
  "FPDFText_CountChars",
  "FPDFText_GetText",
  "FPDFBitmap_CreateEx",
  "FPDFBitmap_Destroy",
  "FPDFBitmap_GetBuffer",
  "FPDFBitmap_GetStride",
  "FPDFBitmap_FillRect",
  "FPDF_RenderPageBitmap",
];

/** A newer package may have dropped a function; better said at the start than at the first ink annotation. */
function isPdfiumExports(value: unknown): value is PdfiumExports {
  if (typeof value !== "object" || value === null) return false;
  return functionNames.every((name) => typeof Reflect.get(value, name) === "function");
}
