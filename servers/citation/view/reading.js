"use strict";

// What a tool's result has to show. Pure: from the fields of a result to plain values, without a look at the page.
//
// A reading is {question, answer, items, confidence, verdict, notes, problem, empty}; an item is one place in one
// document: {marker, doc, docId, page, label, quote, before, after, spans, verified, score, sentence, picture}.

/** Read the result of a tool that was called with `input`. */
function readResult(input, result) {
  const fields = result.structuredContent ?? {};
  const words = plainWords(result);
  if (result.isError) return reading({ problem: words || "The tool failed and did not say why." });
  if ("query_id" in fields) return readRun(fields);
  if ("citations" in fields) return readCited(input, fields);
  if ("match" in fields) return readLocated(input, fields);
  if ("picture" in fields) return readPage(input, fields, result);
  if ("supported" in fields) return readVerdict(input, fields);
  return reading({ answer: words, empty: words ? "" : "The tool gave nothing to show." });
}

function reading(parts) {
  const blank = { question: "", answer: "", items: [], confidence: null, verdict: null, notes: [], problem: "", empty: "" };
  return { ...blank, ...parts };
}

function readRun(run) {
  const failed = run.status !== "completed";
  const reason = run.error ? `${run.error.title}: ${run.error.detail}` : `The run is ${run.status}.`;
  return reading({
    question: run.query,
    answer: run.answer,
    items: run.citations.map(itemOfCitation),
    confidence: run.confidence ?? null,
    notes: run.warnings ?? [],
    problem: failed ? reason : "",
    empty: run.abstained ? "" : "This answer cites no page.", // one that abstains says so itself
  });
}

function readCited(input, cited) {
  const unknown = cited.unknown_markers ?? [];
  return reading({
    answer: input.answer ?? "",
    items: cited.citations.map(itemOfCitation),
    confidence: cited.confidence ?? null,
    notes: unknown.length ? [`Markers that name no given passage: ${unknown.join(", ")}`] : [],
    empty: "No sentence has a citation.",
  });
}

function readLocated(input, found) {
  const pages = [...new Set(found.spans.map((span) => span.page))];
  const items = pages.map((page) =>
    item({
      docId: found.doc_id,
      page,
      quote: found.quote,
      spans: found.spans.filter((span) => span.page === page),
      score: found.score,
      kind: `${found.match} match`,
    }),
  );
  return reading({ question: input.quote ? `“${input.quote}”` : "", items, empty: "The quote does not stand in this document." });
}

function readPage(input, shown, result) {
  const spans = (input.spans ?? []).filter((span) => span.page === shown.page);
  const one = item({
    doc: shown.doc,
    docId: shown.doc_id,
    page: shown.page,
    quote: shown.located ? input.quote ?? "" : "",
    spans,
    picture: pictureOf(result),
  });
  return reading({ items: [one], notes: shown.located ? [] : [`Not found on this page: “${input.quote ?? ""}”`] });
}

function readVerdict(input, verdict) {
  return reading({ question: input.claim ?? "", verdict });
}

function itemOfCitation(citation) {
  return item({ ...citation, docId: citation.doc_id, label: citation.page_label ?? "" });
}

function item(parts) {
  const blank = {
    marker: "", doc: "", docId: "", page: 1, label: "", quote: "", before: [], after: [], spans: [],
    verified: null, score: null, kind: "", sentence: "", picture: null,
  };
  return { ...blank, ...parts };
}

/** `manual.pdf, page 6`, with the printed page number where it is another one. */
function placeOf({ doc, page, label }) {
  const where = doc ? `${doc}, page ${page}` : `Page ${page}`;
  return label && label !== String(page) ? `${where} (printed ${label})` : where;
}

/** Cut an answer at its markers: [{text, group}], `group` being the numbers of the items that a marker stands for. */
function piecesOf(answer, items) {
  const known = [...new Set(items.map((one) => one.marker).filter(Boolean))];
  if (!known.length) return [{ text: answer, group: [] }];
  const pattern = new RegExp(`(${known.map(escaped).join("|")})`);
  const ranges = items.map((one) => rangeOf(one.sentence, answer));
  let at = 0;
  return answer.split(pattern).map((text, index) => {
    const start = at;
    at += text.length;
    return { text, group: index % 2 ? groupAt(start, text, items, ranges) : [] };
  });
}

/** The items of a marker in the sentence it stands in, else all items of that marker. */
function groupAt(position, marker, items, ranges) {
  const same = items.map((_, index) => index).filter((index) => items[index].marker === marker);
  const here = same.filter((index) => ranges[index][0] <= position && position < ranges[index][1]);
  return here.length ? here : same;
}

function rangeOf(sentence, answer) {
  const start = sentence ? answer.indexOf(sentence) : -1;
  return start < 0 ? [0, 0] : [start, start + sentence.length];
}

function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

const PICTURES = /^image\/(webp|png|jpeg)$/;

/** The picture of a page in a result: {url, doc, pages, located, highlights}, or null. */
function pictureOf(result) {
  const image = (result.content ?? []).find((part) => part.type === "image" && PICTURES.test(part.mimeType));
  if (image === undefined) return null;
  const { doc, pages, located, highlights } = result.structuredContent ?? {};
  return { url: `data:${image.mimeType};base64,${image.data}`, doc, pages, located, highlights };
}

function plainWords(result) {
  const parts = (result.content ?? []).filter((part) => part.type === "text");
  return parts.map((part) => part.text).join("\n\n");
}

const WIDTHS = [480, 720, 918, 1200, 1600, 2000];

/** Pixels to ask for, so that few sizes of one page are drawn. */
function widthFor(pixels) {
  return WIDTHS.find((width) => width >= pixels) ?? WIDTHS.at(-1);
}

const PAGE_TOOL = "view_page";
const SHOWN = ["page_image", "locate", "verify", "cite"];

/** Names the page tool may have, likely ones first: in a federation it has the name of its agent in front. */
function pageTools(shownTool) {
  const known = SHOWN.find((name) => shownTool?.endsWith(name));
  const likely = known ? [shownTool.slice(0, -known.length) + PAGE_TOOL] : [];
  return [...new Set([...likely, `citation_${PAGE_TOOL}`, PAGE_TOOL])];
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}
