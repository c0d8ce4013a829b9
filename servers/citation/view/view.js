"use strict";

// What people see. Words of documents enter the page as text only: nothing here parses them as markup.

const THEMED = [
  "--color-background-primary", "--color-background-secondary", "--color-text-primary", "--color-text-secondary",
  "--color-border-primary", "--border-radius-md", "--font-sans",
];
const KEPT_PICTURES = 24;
const ZOOM = 2.2; // as in the style

const part = (id) => document.getElementById(id);

const shown = { reading: null, current: 0, input: {}, isLarge: false, pageTool: null, pictures: new Map(), turn: 0 };

const host = new Host({
  "ui/notifications/tool-input": ({ arguments: input }) => showWork(input ?? {}),
  "ui/notifications/tool-result": showResult,
  "ui/notifications/tool-cancelled": ({ reason }) => say(reason ? `Cancelled: ${reason}` : "Cancelled.", "calm"),
  "ui/notifications/host-context-changed": (changes) => adopt({ ...host.context, ...changes }),
  "ui/resource-teardown": () => ({}),
  ping: () => ({}),
});

begin();

async function begin() {
  if (window.parent === window) return say("This page shows citations inside an MCP client.", "calm");
  try {
    await host.open("AgentRAG citations", "1");
  } catch (error) {
    return say(`The client did not open this view: ${error.message}`, "problem");
  }
  adopt(host.context);
  if (shown.reading === null) say("Waiting for the result…");
  new ResizeObserver(tellSize).observe(document.documentElement);
}

// the host ------------------------------------------------------------------------------------------------------------

function adopt(context) {
  const before = host.context.displayMode;
  host.context = context;
  const root = document.documentElement.style;
  if (context.theme === "light" || context.theme === "dark") root.colorScheme = context.theme;
  const variables = context.styles?.variables ?? {};
  for (const name of THEMED) if (typeof variables[name] === "string") root.setProperty(name, variables[name]);
  const isFull = context.displayMode === "fullscreen";
  part("full").textContent = isFull ? "Back to the chat" : "Full screen";
  part("full").hidden = !(context.availableDisplayModes ?? []).includes(isFull ? "inline" : "fullscreen");
  if (before !== context.displayMode && shown.reading?.items.length) loadPicture();
}

function tellSize() {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  const width = innerWidth;
  if (height === shown.height && width === shown.width) return;
  Object.assign(shown, { height, width });
  host.notify("ui/notifications/size-changed", { width, height });
}

async function toggleFullScreen() {
  const mode = host.context.displayMode === "fullscreen" ? "inline" : "fullscreen";
  const answer = await host.request("ui/request-display-mode", { mode }).catch(() => ({}));
  if (answer.mode) adopt({ ...host.context, displayMode: answer.mode });
}

/** Let the model know where the user looks, by numbers and ids alone. */
function tellModel(one) {
  if (host.capabilities.updateModelContext === undefined) return;
  const text = `The user is looking at page ${one.page} of document ${one.docId}.`;
  host.request("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
}

// the whole -----------------------------------------------------------------------------------------------------------

function showWork(input) {
  shown.input = input;
  if (shown.reading !== null) return;
  showQuestion(input.query ?? input.claim ?? "");
  say(input.query ? "Looking through your documents…" : "Working…");
}

function showResult(result) {
  try {
    show(readResult(shown.input, result));
  } catch (error) {
    say(`This result cannot be shown here: ${error.message}`, "problem");
  }
}

function show(reading) {
  Object.assign(shown, { reading, current: 0 });
  showQuestion(reading.question);
  showAnswer(reading);
  showConfidence(reading.confidence);
  fill(part("notes"), reading.notes.map((note) => make("li", { text: note })));
  part("notes").hidden = !reading.notes.length;
  const { items } = reading;
  if (reading.problem) say(reading.problem, "problem");
  else if (!items.length && reading.empty) say(reading.empty, "calm");
  else part("state").hidden = true;
  part("view").setAttribute("aria-busy", "false");
  part("sources").hidden = !items.length;
  part("sources").classList.toggle("several", items.length > 1);
  part("list-box").hidden = part("pager").hidden = items.length < 2;
  fill(part("list"), items.map((one, index) => make("li", {}, entry(one, index))));
  if (items.length) choose(0);
}

function say(words, kind = "busy") {
  part("state").hidden = false;
  part("state").className = `state ${kind}`;
  part("state-words").textContent = words;
  part("view").setAttribute("aria-busy", String(kind === "busy"));
}

function showQuestion(question) {
  part("question").textContent = question;
  part("question").hidden = !question;
}

function showAnswer({ answer, items, verdict }) {
  const pieces = piecesOf(answer, items).map(({ text, group }) => (group.length ? marker(text, group) : text));
  fill(part("answer"), verdict ? verdictParts(verdict) : pieces);
  part("answer").setAttribute("aria-label", verdict ? "Verdict" : "Answer");
  part("answer").hidden = !answer && !verdict;
}

function marker(text, group) {
  const first = shown.reading.items[group[0]];
  const button = make("button", { class: "marker", type: "button", text, "aria-label": `Citation ${text}: ${placeOf(first)}` });
  button.dataset.group = group.join(" ");
  button.addEventListener("click", () => choose(group[(group.indexOf(shown.current) + 1) % group.length], true));
  return button;
}

function verdictParts({ supported, score, evidence, reasons }) {
  const level = supported ? "good" : "poor";
  const words = `${supported ? "Supported" : "Not supported"} (${percent(score)})`;
  const nearest = evidence ? make("blockquote", { class: "quote", text: `Nearest sentence: “${evidence}”` }) : "";
  const list = make("ul", { class: "notes" }, ...reasons.map((reason) => make("li", { text: reason })));
  return [make("div", { class: `verdict ${level}` }, make("span", { class: "level", text: words }), nearest, list)];
}

function showConfidence(confidence) {
  part("confidence").hidden = !confidence;
  if (!confidence) return;
  const level = confidence.score >= 70 ? "good" : confidence.score >= 40 ? "fair" : "poor";
  const bar = make("span", {});
  bar.style.width = `${confidence.score}%`;
  const gauge = make("span", { class: "gauge", "aria-hidden": "true" }, bar);
  const number = make("span", { class: "level", text: `${confidence.score} %` });
  const summary = make("summary", {}, make("span", { text: "Confidence" }), gauge, number);
  const parts = ["retrieval", "coverage", "agreement"].flatMap((name) => [
    make("dt", { text: name }),
    make("dd", { text: percent(confidence[name]) }),
  ]);
  part("confidence").className = `confidence ${level}`;
  fill(part("confidence"), [summary, make("dl", {}, ...parts)]);
}

function entry(one, index) {
  const button = make(
    "button",
    { class: "entry", type: "button" },
    make("span", { class: "entry-marker", text: one.marker }),
    make("span", { class: "entry-place", text: placeOf(one) }),
    make("span", { class: "entry-quote", text: `“${one.quote}”` }),
  );
  button.addEventListener("click", () => choose(index, true));
  return button;
}

// one citation --------------------------------------------------------------------------------------------------------

function choose(index, byUser = false) {
  const { items } = shown.reading;
  shown.current = index;
  const one = items[index];
  part("source-title").textContent = placeOf(one);
  part("position").textContent = `${index + 1} of ${items.length}`;
  part("back").disabled = index === 0;
  part("forth").disabled = index === items.length - 1;
  fill(part("quote"), quoteParts(one));
  part("quote").hidden = !one.quote;
  fill(part("marks"), remarks(one));
  part("marks").hidden = !part("marks").textContent;
  for (const button of document.querySelectorAll(".marker")) {
    button.setAttribute("aria-pressed", String(button.dataset.group.split(" ").includes(String(index))));
  }
  [...part("list").children].forEach((line, number) => {
    line.firstChild.setAttribute("aria-current", String(number === index));
  });
  keepInSight(part("list").children[index], part("list-box"));
  loadPicture();
  if (!byUser) return;
  part("told").textContent = `Citation ${index + 1} of ${items.length}: ${one.marker} ${placeOf(one)}`;
  tellModel(one);
}

function quoteParts({ before, quote, after }) {
  const side = (sentences) => (sentences.length ? [sentences.join(" ")] : []);
  return [...side(before), make("mark", { text: `“${quote}”` }), ...side(after)].flatMap((piece) => [piece, " "]);
}

function remarks({ verified, score, kind }) {
  const isCitation = verified !== null;
  const word = isCitation
    ? make("span", verified ? { class: "good", text: "✓ Verified on the page" } : { class: "fair", text: "Not verified" })
    : kind;
  return score === null ? [word] : [word, ` · ${isCitation ? "support" : "score"} ${percent(score)}`];
}

function keepInSight(line, box) {
  if (line.offsetTop - box.offsetTop < box.scrollTop) box.scrollTop = line.offsetTop - box.offsetTop;
  const below = line.offsetTop - box.offsetTop + line.offsetHeight - box.clientHeight;
  if (below > box.scrollTop) box.scrollTop = below;
}

function move(by) {
  const next = shown.current + by;
  if (!shown.reading?.items[next]) return;
  const isInList = part("list").contains(document.activeElement);
  choose(next, true);
  if (isInList) part("list").children[next].firstChild.focus({ preventScroll: true });
}

// the picture of its page ---------------------------------------------------------------------------------------------

async function loadPicture() {
  const one = shown.reading.items[shown.current];
  const turn = ++shown.turn; // a picture that comes after the user has gone on is kept, not shown
  if (one.picture) return showPicture(one, one.picture);
  if (host.capabilities.serverTools === undefined) return sayPage("This client does not let views load pictures of pages.");
  sayPage("Loading the page…", "busy");
  try {
    const picture = await pictureFor(one);
    if (turn === shown.turn) showPicture(one, picture);
  } catch (error) {
    if (turn === shown.turn) sayPage(`The page cannot be shown: ${error.message}`, "problem");
  }
}

async function pictureFor(one) {
  const width = widthFor(part("page").clientWidth * (shown.isLarge ? ZOOM : 1) * Math.min(devicePixelRatio, 2));
  const ask = { doc_id: one.docId, page: one.page, width, spans: one.spans };
  if (!one.spans.length && one.quote) ask.quote = one.quote;
  const key = JSON.stringify(ask);
  if (!shown.pictures.has(key)) {
    const picture = pictureOf(await callPageTool(ask));
    if (picture === null) throw new Error("the answer has no picture");
    shown.pictures.set(key, picture);
    if (shown.pictures.size > KEPT_PICTURES) shown.pictures.delete(shown.pictures.keys().next().value);
  }
  return shown.pictures.get(key);
}

/** Call the tool that is there for this view; the first name that the client knows is kept. */
async function callPageTool(ask) {
  const names = shown.pageTool ? [shown.pageTool] : pageTools(host.context.toolInfo?.tool?.name);
  let reason; // why the likeliest name failed
  for (const name of names) {
    const result = await host.request("tools/call", { name, arguments: ask }).catch(failed);
    const isKnown = !result.isError || result._meta?.["agentrag/problem"] !== undefined;
    if (isKnown) shown.pageTool = name;
    if (!result.isError) return result;
    if (isKnown || reason === undefined) reason = plainWords(result);
    if (isKnown) break;
  }
  throw new Error(reason);
}

/** An error of the host in the form of a tool's. */
function failed(error) {
  return { isError: true, content: [{ type: "text", text: error.message }] };
}

async function toggleZoom() {
  shown.isLarge = !shown.isLarge;
  part("source").classList.toggle("large", shown.isLarge);
  part("zoom").setAttribute("aria-pressed", String(shown.isLarge));
  await loadPicture();
  const left = shown.reading.items[shown.current].spans[0]?.rects?.[0]?.x ?? 0;
  part("paper").scrollLeft = left * part("picture").clientWidth - 12;
}

function showPicture(one, { url, doc, pages, located, highlights }) {
  const place = placeOf({ ...one, doc: one.doc || doc });
  part("source-title").textContent = place;
  part("picture").alt = `Picture of ${place}${highlights ? " with the passage in yellow" : ""}`;
  part("picture").src = url;
  part("picture").hidden = false;
  sayPage("", "done");
  const keys = highlights ? [make("span", { class: "key", text: "passage" }), make("span", { class: "key pale", text: "around it" })] : [];
  const missed = located === false ? [make("span", { text: "The quote does not stand on this page." })] : [];
  const count = pages ? [make("span", { text: `Page ${one.page} of ${pages}` })] : [];
  fill(part("caption"), [...keys, ...missed, ...count]);
  part("caption").hidden = !part("caption").childElementCount;
}

/** What stands in place of the picture: while it loads the last one stays, paler, so that nothing jumps. */
function sayPage(words, kind = "calm") {
  const page = part("page");
  page.className = `page ${kind}`;
  part("zoom").hidden = kind === "calm" || kind === "problem";
  page.setAttribute("aria-busy", String(kind === "busy"));
  part("page-words").textContent = words;
  part("again").hidden = kind !== "problem";
  if (kind === "calm" || kind === "problem") part("picture").hidden = part("caption").hidden = true;
  part("paper").classList.toggle("blank", kind === "busy" && part("picture").hidden);
}

// small things --------------------------------------------------------------------------------------------------------

/** An element with attributes and children; strings become text nodes, never markup. */
function make(name, { text = "", ...attributes }, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...(text ? [text] : []), ...children);
  return element;
}

function fill(element, children) {
  element.replaceChildren(...children);
}

part("back").addEventListener("click", () => move(-1));
part("forth").addEventListener("click", () => move(1));
part("again").addEventListener("click", loadPicture);
part("zoom").addEventListener("click", toggleZoom);
part("full").addEventListener("click", toggleFullScreen);
addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by === undefined || !(shown.reading?.items.length > 1)) return;
  event.preventDefault();
  move(by);
});
