import type { ModelListing, ReadingClient, ScheduleListing } from "../src/console-options.ts";
import { createFakeClient, models, schedules } from "./page-fixture.ts";

/** What a document is made of, as a parser sees it and not as we wrote it. */
export interface ScannedPage {
  readonly language: string | undefined;
  readonly headings: readonly string[];
  readonly landmarks: readonly string[];
  /** Where its links, forms and files lead. */
  readonly addresses: readonly string[];
  /** The classes of its forms. */
  readonly forms: readonly string[];
  readonly images: readonly string[];
  /** Scripts and styles that stand in the document itself. */
  readonly inline: readonly string[];
}

export async function scanPage(text: string): Promise<ScannedPage> {
  const found = {
    language: undefined as string | undefined,
    headings: [] as string[],
    landmarks: [] as string[],
    addresses: [] as string[],
    forms: [] as string[],
    images: [] as string[],
    inline: [] as string[],
  };
  const rewriter = new HTMLRewriter().on("*", {
    element(element) {
      const { tagName } = element;
      if (tagName === "html") found.language = element.getAttribute("lang") ?? undefined;
      if (/^h[1-6]$/.test(tagName)) found.headings.push(tagName);
      if (["header", "nav", "main", "aside", "footer"].includes(tagName)) {
        found.landmarks.push(tagName);
      }
      if (tagName === "form") found.forms.push(element.getAttribute("class") ?? "");
      if (tagName === "img") found.images.push(element.getAttribute("src") ?? "");
      const isInline =
        tagName === "style" || (tagName === "script" && !element.hasAttribute("src"));
      if (isInline) found.inline.push(tagName);
      for (const [name, value] of element.attributes) {
        if (/^on|^style$/.test(name)) found.inline.push(`${tagName} ${name}`);
        if (["href", "src", "action", "data-path"].includes(name)) found.addresses.push(value);
      }
    },
  });
  await rewriter.transform(new Response(text)).text();
  return found;
}

/** Words that only we write; the database refuses others. */
const ours: ReadonlySet<string> = new Set(
  "due delayed leased waiting queued completed failed dead cancelled live silent stopped open closed half_open".split(
    " ",
  ),
);

function poisonValue(value: unknown, hostile: string): unknown {
  if (typeof value === "string") return ours.has(value) ? value : hostile;
  if (Array.isArray(value)) return value.map((each) => poisonValue(each, hostile));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      // What people name themselves are the members of provenance, too.
      name === "options" ? hostile : name,
      poisonValue(inner, hostile),
    ]),
  );
}

/** An installation in which whatever has a name has a hostile one. */
export function poison(hostile: string): {
  readonly client: Partial<ReadingClient>;
  readonly schedules: () => Promise<readonly ScheduleListing[]>;
  readonly models: () => Promise<readonly ModelListing[]>;
} {
  const client = createFakeClient();
  const poisoned = Object.entries(client).map(([name, ask]) => [
    name,
    async (...given: never[]) =>
      poisonValue(await (ask as (...all: never[]) => Promise<unknown>)(...given), hostile),
  ]);
  return {
    client: Object.fromEntries(poisoned) as Partial<ReadingClient>,
    models: async () => poisonValue(models, hostile) as readonly ModelListing[],
    schedules: async () => poisonValue(schedules, hostile) as readonly ScheduleListing[],
  };
}
