/** @jsxImportSource hono/jsx */
import type { JSX } from "hono/jsx/jsx-runtime";

import type { Operator } from "../operator.ts";
import { iconAsset, scriptAsset, styleAsset } from "./assets.ts";
import { languages } from "./language.ts";
import type { Look, View } from "./look.ts";
import { viewNames } from "./view-names.ts";
import type { ViewName, Words } from "./words.ts";

export interface DocumentProps {
  readonly look: Look;
  readonly view: View;
  /** Which of the views it belongs to. */
  readonly current: ViewName | undefined;
  readonly operator: Operator;
  /** How often it asks for itself; 0: never. */
  readonly everyMs: number;
  /** Where it is, from the place where the console is mounted. */
  readonly here: string;
}

/** A whole document around a view. */
export function Document(props: DocumentProps): JSX.Element {
  const { look, view, everyMs } = props;
  const { words, root } = look;
  return (
    <html lang={words.language}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{`${view.title} – ${words.chrome.product}`}</title>
        <link rel="icon" type="image/svg+xml" href={`${root}${iconAsset.path}`} />
        <link rel="stylesheet" href={`${root}${styleAsset.path}`} />
        <script type="module" src={`${root}${scriptAsset.path}`}></script>
      </head>
      <body data-every-ms={everyMs} data-words={JSON.stringify(scriptWords(words))}>
        <a class="skip" href="#content">
          {words.chrome.skip}
        </a>
        <Masthead {...props} />
        <Main view={view} />
        <p id="announcer" class="unseen" role="status"></p>
        <p id="notice" role="status"></p>
        <AskDialog words={words} />
      </body>
    </html>
  );
}

/** What the script asks for again and again. */
export function Main({ view }: { readonly view: View }): JSX.Element {
  return (
    <main id="content" tabindex={-1} data-announcement={view.announcement}>
      <h1>{view.title}</h1>
      {view.body}
    </main>
  );
}

function Masthead({ look, current, operator, here }: DocumentProps): JSX.Element {
  const { words, root } = look;
  return (
    <header class="masthead">
      <a class="brand" href={`${root}overview`}>
        <img src={`${root}${iconAsset.path}`} alt="" width="22" height="22" />
        {words.chrome.product}
      </a>
      <nav class="views" aria-label={words.chrome.navigation}>
        <ul>
          {viewNames.map((name) => (
            <li>
              <a href={`${root}${name}`} aria-current={name === current ? "page" : undefined}>
                {words.views[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <div class="tools">
        <button id="live" type="button" class="needs-script" aria-pressed="false">
          <span class="pulse" aria-hidden="true"></span>
          <span class="life">{words.chrome.live}</span>
          <span class="unseen"> – {words.chrome.pauseUpdates}</span>
        </button>
        <Languages look={look} here={here} />
        <p class="operator">
          {operator.name}
          {!look.mayAct && <span class="note"> {words.chrome.readOnly}</span>}
        </p>
        <noscript>
          <p class="note">{words.chrome.noScript}</p>
        </noscript>
      </div>
    </header>
  );
}

function Languages({ look, here }: { readonly look: Look; readonly here: string }): JSX.Element {
  const { words, root } = look;
  return (
    <nav class="languages" aria-label={words.chrome.language}>
      {languages.map(({ language, languageName }) => (
        <a
          href={`${root}language?${new URLSearchParams({ to: language, back: here }).toString()}`}
          hreflang={language}
          lang={language}
          aria-current={language === words.language ? "true" : undefined}
        >
          {languageName}
        </a>
      ))}
    </nav>
  );
}

/** One dialog for all acts; the script fills it from the button that was pressed. */
function AskDialog({ words }: { readonly words: Words }): JSX.Element {
  const { chrome } = words;
  return (
    <dialog id="ask" aria-labelledby="ask-title" aria-describedby="ask-text">
      <form method="dialog">
        <h2 id="ask-title">{chrome.confirm}</h2>
        <p id="ask-text"></p>
        <label id="ask-reason-part">
          <span id="ask-reason-label">{chrome.reasonOptional}</span>
          <input id="ask-reason" maxlength={1024} autocomplete="off" aria-describedby="ask-hint" />
          <span class="note" id="ask-hint">
            {chrome.reasonHint}
          </span>
        </label>
        <p id="ask-problem" class="problem" role="alert"></p>
        <div class="acts">
          <button id="ask-confirm" type="submit" class="strong">
            {chrome.confirm}
          </button>
          <button id="ask-back" type="button">
            {chrome.back}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** The script's own words; it has none in it. */
function scriptWords({ chrome, job, refusals, fields }: Words): Readonly<Record<string, unknown>> {
  const { live, paused, unreachable, pauseUpdates, resumeUpdates, failed } = chrome;
  const { reasonRequired, reasonOptional } = chrome;
  return {
    live,
    paused,
    unreachable,
    pauseUpdates,
    resumeUpdates,
    failed,
    reasonRequired,
    reasonOptional,
    refusals,
    signedOut: refusals.unauthenticated,
    tenant: fields.tenant,
    payload: job.payload,
    messages: job.messages,
    signals: job.signals,
    result: job.result("{phase}"),
    hide: job.hide,
  };
}
