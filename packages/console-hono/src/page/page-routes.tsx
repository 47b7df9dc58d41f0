/** @jsxImportSource hono/jsx */
// The line above is for hosts that run our source on Bun: no tsconfig of ours is there to say it.
import { WorkerError } from "@leasehold/core";
import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { routePath } from "hono/route";

import type { ListSchedules, ModelListing, ReadingClient } from "../console-options.ts";
import type { AuthorizeOperator, Operator } from "../operator.ts";
import { type Asset, iconAsset, scriptAsset, styleAsset } from "./assets.ts";
import { Document, Main } from "./document.tsx";
import { createFigures } from "./figures.ts";
import { chooseWords, isLanguage, languageCookie } from "./language.ts";
import type { Look, View } from "./look.ts";
import { findBack, findOverview } from "./page-address.ts";
import { createPageSource, type PageSource } from "./page-source.ts";
import { viewNames } from "./view-names.ts";
import { type Render, renderOneJob, renderProblem, views } from "./views.tsx";
import type { ViewName } from "./words.ts";

export interface PageRoutesOptions {
  readonly client: ReadingClient;
  readonly authorize: AuthorizeOperator;
  /** What a browser of nobody we know is asked for, if there is something that it can ask. */
  readonly challenge?: string;
  /** Whether there are resources that can be made ready. Default: `false`. */
  readonly mayWarm?: boolean;
  /** Default: the page says that it is not told of schedules. */
  readonly listSchedules?: ListSchedules;
  /** Default: resources are shown without their models. */
  readonly listModels?: () => Promise<readonly ModelListing[]>;
}

interface Route {
  readonly name: ViewName;
  readonly render: Render;
  /** From the place where the console is mounted. */
  readonly path: string;
  /** The way back to that place. */
  readonly root: Look["root"];
}

interface PageParts {
  readonly options: PageRoutesOptions;
  readonly source: PageSource;
}

/** As often as a page asks for itself while somebody looks. */
const everyMs = 2_000;
const languageSeconds = 31_536_000;

/** Serves the page. Whatever it changes goes through the API, as the operator who looks at it. */
export function createPageRoutes(options: PageRoutesOptions): Hono {
  const app = new Hono();
  const parts = { options, source: createPageSource(options) };
  for (const asset of [styleAsset, scriptAsset, iconAsset]) {
    app.get(`/${asset.path}`, () => answerAsset(asset));
  }
  app.get("/", (context) => goTo(context, findOverview(context.req.path)));
  // The same place with a slash at its end, which a mounted app is not asked for by the route above.
  app.get("/*", async (context, next) =>
    routePath(context) === `${context.req.path}*` ? goTo(context, "overview") : await next(),
  );
  app.get("/language", (context) => {
    const chosen = context.req.query("to");
    if (isLanguage(chosen)) {
      const lasting = { httpOnly: true, sameSite: "Lax", maxAge: languageSeconds } as const;
      setCookie(context, languageCookie, chosen, lasting);
    }
    return goTo(context, findBack(context.req.query("back")));
  });
  for (const name of viewNames) {
    const route = { name, render: views[name], path: name, root: "./" } as const;
    app.get(`/${name}`, (context) => answerView(context, parts, route));
  }
  app.get("/jobs/:id", (context) => {
    const path = `jobs/${encodeURIComponent(context.req.param("id"))}`;
    const route = { name: "jobs", render: renderOneJob, path, root: "../" } as const;
    return answerView(context, parts, route);
  });
  return app;
}

function answerAsset({ contentType, text }: Asset): Response {
  return new Response(text, {
    headers: {
      "Cache-Control": "public, max-age=31536000, immutable",
      "Content-Type": contentType,
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** The address is relative: only the browser knows where the console is for it. */
function goTo(context: Context, address: string): Response {
  return context.body(null, 303, { ...pageHeaders, Location: address });
}

/** Nothing but what the console serves itself, and no script or style inside a document. */
const pageHeaders = {
  "Cache-Control": "private, no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
} as const;

async function answerView(
  context: Context,
  { options, source }: PageParts,
  { name, render, path, root }: Route,
): Promise<Response> {
  const operator = await options.authorize(context.req.raw);
  if (operator === undefined) {
    const { challenge = "Bearer" } = options;
    return context.text("unauthenticated", 401, { ...pageHeaders, "WWW-Authenticate": challenge });
  }
  if (!operator.roles.includes("read")) return context.text("forbidden", 403, pageHeaders);
  const look = { ...lookOf(context, operator, root), mayWarm: options.mayWarm === true };
  const view = await renderOrExplain(look, () => render(look, source, context));
  const { search } = new URL(context.req.url);
  const isPart = context.req.header("X-Console-Part") === "main";
  const body = isPart ? (
    <Main view={view} />
  ) : (
    <Document
      look={look}
      view={view}
      current={name}
      operator={operator}
      everyMs={everyMs}
      here={`${path}${search}`}
    />
  );
  const html = (await body).toString();
  const text = isPart ? html : `<!doctype html>${html}`;
  return context.html(text, view.status ?? 200, pageHeaders);
}

function lookOf(context: Context, { roles }: Operator, root: Look["root"]): Omit<Look, "mayWarm"> {
  const words = chooseWords(
    getCookie(context, languageCookie),
    context.req.header("Accept-Language"),
  );
  return {
    words,
    figures: createFigures(words, new Date()),
    root,
    mayAct: roles.includes("act"),
    mayReveal: roles.includes("reveal"),
  };
}

/** What stands in an error is nobody's here: it is told apart by its code alone. */
async function renderOrExplain(look: Look, render: () => Promise<View>): Promise<View> {
  try {
    return await render();
  } catch (error) {
    const isAsked = WorkerError.is(error, "input_invalid");
    return renderProblem(look.words, isAsked ? "invalid" : "unavailable");
  }
}
