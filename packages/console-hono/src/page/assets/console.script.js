// What the page does in a browser: it asks for itself again and again, and posts what an operator
// confirms. Everything can be read without it. It keeps nothing and knows no words of its own.
const main = document.querySelector("main");
const body = document.body;
const dialog = document.querySelector("#ask");
const notice = document.querySelector("#notice");
const announcer = document.querySelector("#announcer");
const liveButton = document.querySelector("#live");
const words = JSON.parse(body.dataset.words);

const everyMs = Number(body.dataset.everyMs);
const everyMsMax = 30_000;
const answerMsMax = 15_000;
/** Whoever listens is not talked to more often. */
const quietMs = 10_000;
const contentMs = 5 * 60_000;

let timer = 0;
let failures = 0;
let isPaused = false;
let isAsking = false;
let isSignedOut = false;
let announcedAt = 0;
let announced = main.dataset.announcement;

// Keeping up to date

function schedule() {
  clearTimeout(timer);
  const waitMs = Math.min(everyMs * 2 ** Math.min(failures, 6), everyMsMax);
  timer = setTimeout(() => void refresh(), waitMs);
}

/** What somebody types, marks or decides is not changed under their hands. */
function isDisturbed() {
  const isTyping = document.activeElement?.matches("input, select, textarea") === true;
  const isMarking = document.getSelection()?.isCollapsed === false;
  return document.hidden || isPaused || dialog.open || isTyping || isMarking;
}

async function refresh() {
  if (isDisturbed() || isAsking || everyMs === 0) return schedule();
  isAsking = true;
  try {
    const response = await fetch(location.href, {
      headers: { "X-Console-Part": "main" },
      cache: "no-store",
      signal: AbortSignal.timeout(answerMsMax),
    });
    // An answer that is no page says nothing about the jobs; what was seen last stays there.
    isSignedOut = response.status === 401 || response.status === 403;
    if (!response.ok) throw new Error(`status ${response.status}`);
    const text = await response.text();
    const next = new DOMParser().parseFromString(text, "text/html").querySelector("main");
    if (next === null) throw new Error("no page");
    failures = 0;
    if (!isDisturbed()) replaceMain(next);
  } catch {
    failures += 1;
  } finally {
    isAsking = false;
    showLife();
    schedule();
  }
}

function replaceMain(next) {
  const focused = document.activeElement;
  morph(main, next);
  if (focused !== document.activeElement) {
    const target = focused.isConnected ? focused : main;
    target.focus({ preventScroll: true });
  }
  announce();
}

function announce() {
  const { announcement } = main.dataset;
  if (announcement === announced || performance.now() - announcedAt < quietMs) return;
  announced = announcement;
  announcedAt = performance.now();
  announcer.textContent = announcement;
}

function showLife() {
  const lost = isSignedOut ? "signedOut" : "unreachable";
  const state = isPaused ? "paused" : failures > 1 ? lost : "live";
  body.dataset.life = state;
  liveButton.querySelector(".life").textContent = words[state];
  liveButton.setAttribute("aria-pressed", String(isPaused));
  liveButton.title = isPaused ? words.resumeUpdates : words.pauseUpdates;
}

/** Makes `from` like `to`, and leaves alone what is the same: focus, scrolling and open details stay. */
function morph(from, to) {
  if (from.dataset?.static !== undefined) return;
  copyAttributes(from, to);
  const known = new Map();
  for (const child of from.children) if (keyOf(child)) known.set(keyOf(child), child);
  let place = from.firstChild;
  for (const wanted of to.childNodes) {
    const key = keyOf(wanted);
    const found = key === undefined ? unkeyed(place, wanted) : known.get(key);
    if (found === undefined || found.nodeName !== wanted.nodeName) {
      from.insertBefore(document.importNode(wanted, true), place);
      continue;
    }
    if (found === place) place = place.nextSibling;
    else from.insertBefore(found, place);
    if (found.nodeType !== Node.ELEMENT_NODE) found.nodeValue = wanted.nodeValue;
    else if (!found.isEqualNode(wanted)) morph(found, wanted);
  }
  while (place !== null) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function unkeyed(place, wanted) {
  const fits = place !== null && place.nodeName === wanted.nodeName && !keyOf(place);
  return fits ? place : undefined;
}

function keyOf(node) {
  return node.dataset?.key ?? (node.id || undefined);
}

function copyAttributes(from, to) {
  for (const name of from.getAttributeNames()) {
    if (!to.hasAttribute(name) && !isTheReaders(from, name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !isTheReaders(from, name)) {
      from.setAttribute(name, value);
    }
  }
}

function isTheReaders(element, name) {
  return name === "open" && element.nodeName === "DETAILS";
}

// Acting

function ask(form) {
  const { question, consequence, label, reason } = form.dataset;
  const field = dialog.querySelector("#ask-reason");
  dialog.querySelector("#ask-title").textContent = question;
  dialog.querySelector("#ask-text").textContent = consequence;
  dialog.querySelector("#ask-confirm").textContent = label;
  dialog.querySelector("#ask-reason-part").hidden = reason === "none";
  dialog.querySelector("#ask-reason-label").textContent =
    reason === "required" ? words.reasonRequired : words.reasonOptional;
  field.required = reason === "required";
  field.value = "";
  showProblem("");
  dialog.act = form;
  dialog.showModal();
}

async function act() {
  const { path, body: text, done } = dialog.act.dataset;
  const reason = dialog.querySelector("#ask-reason").value.trim();
  const confirm = dialog.querySelector("#ask-confirm");
  confirm.disabled = true;
  showProblem("");
  try {
    const answer = await post(path, { ...JSON.parse(text), ...(reason && { reason }) });
    dialog.close();
    notice.textContent = done.replace(/\{(\w+)\}/g, (_, name) => String(answer[name] ?? 0));
    clearTimeout(timer);
    await refresh();
  } catch (error) {
    showProblem(`${words.failed}: ${error.message}`);
  } finally {
    confirm.disabled = false;
  }
}

function showProblem(text) {
  dialog.querySelector("#ask-problem").textContent = text;
}

async function post(path, data) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(data),
    signal: AbortSignal.timeout(answerMsMax),
  });
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  const said = words.refusals[answer.code] ?? answer.detail ?? `HTTP ${response.status}`;
  throw new Error(said.replace("{count}", String(answer.count)));
}

// Content, for whoever may see it

async function reveal(form) {
  const reason = form.querySelector("input").value.trim();
  const shown = form.parentElement.querySelector(".revealed");
  const problem = form.querySelector("[role=alert]");
  problem.textContent = "";
  try {
    const answer = await post(form.dataset.path, { reason });
    shown.replaceChildren(...listContent(answer), hideButton(form));
    form.hidden = true;
    shown.querySelector("button").focus();
    setTimeout(() => hide(form), contentMs);
  } catch (error) {
    problem.textContent = `${words.failed}: ${error.message}`;
  }
}

function listContent({ tenant, payload, results, messages, signals }) {
  return [
    ...(tenant === undefined ? [] : [block(words.tenant, tenant)]),
    block(words.payload, payload),
    ...results.map(({ phase, output }) => block(words.result.replace("{phase}", phase), output)),
    ...(messages.length === 0 ? [] : [block(words.messages, messages)]),
    ...(signals.length === 0 ? [] : [block(words.signals, signals)]),
  ];
}

function block(title, content) {
  const section = document.createElement("div");
  const heading = document.createElement("h3");
  const text = document.createElement("pre");
  heading.textContent = title;
  // Only ever as text: it is somebody else's.
  text.textContent = JSON.stringify(content, undefined, 2);
  text.tabIndex = 0;
  section.append(heading, text);
  return section;
}

function hideButton(form) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = words.hide;
  button.addEventListener("click", () => hide(form));
  return button;
}

function hide(form) {
  form.parentElement.querySelector(".revealed").replaceChildren();
  form.hidden = false;
  form.reset();
}

/** On a phone the views lie side by side. `scrollIntoView` would begin the tabulator's way there, too. */
function showCurrentView() {
  const views = document.querySelector(".views");
  const current = views.querySelector("[aria-current]");
  if (current === null) return;
  views.scrollLeft +=
    current.getBoundingClientRect().left - views.getBoundingClientRect().left - 16;
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches(".act")) {
    event.preventDefault();
    ask(form);
  } else if (form.matches(".reveal")) {
    event.preventDefault();
    void reveal(form);
  } else if (form === dialog.querySelector("form")) {
    event.preventDefault();
    void act();
  }
});
dialog.querySelector("#ask-back").addEventListener("click", () => dialog.close());
document.addEventListener("change", (event) => {
  if (event.target.matches(".filter select")) event.target.form.requestSubmit();
});
liveButton.addEventListener("click", () => {
  isPaused = !isPaused;
  showLife();
  if (!isPaused) void refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) void refresh();
});
showCurrentView();
showLife();
schedule();
