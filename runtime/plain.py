"""Results in plain words: what a model reads, and what a client shows that knows neither views nor fields."""

from __future__ import annotations

from collections.abc import Iterable
from functools import singledispatch

from schemas.citation import Citation, Cited, Confidence, Located, PageImage, Verdict
from schemas.message import Message
from schemas.query import Run


@singledispatch
def plain(output: Message) -> str:
    """The result as text; JSON where no better words are known."""
    return output.model_dump_json()


@plain.register
def _(output: Run) -> str:
    told = [output.answer or f"The question was not answered: the run is {output.status}."]
    if output.error is not None:
        told.append(f"{output.error.title}: {output.error.detail}")
    told += _sources(output.citations, output.confidence)
    told += [f"Note: {warning}" for warning in output.warnings]
    return "\n\n".join(told)


@plain.register
def _(output: Cited) -> str:
    told = _sources(output.citations, output.confidence) if output.citations else ["No sentence has a citation."]
    if output.unknown_markers:
        told.append(f"Markers that name no given chunk: {', '.join(output.unknown_markers)}")
    return "\n\n".join(told)


@plain.register
def _(output: Located) -> str:
    if not output.found:
        return f"The quote does not stand in {output.doc_id}."
    pages = sorted({span.page for span in output.spans})
    where = f"page {pages[0]}" if len(pages) == 1 else f"pages {', '.join(map(str, pages))}"
    return f"{where}, {output.match} match ({output.score:.0%}): {_quoted(output.quote)}"


@plain.register
def _(output: PageImage) -> str:
    where = f"{output.doc}, page {output.page} of {output.pages}"
    if not output.located:
        return f"{where}. The quote does not stand on this page."
    return f"{where}. Rectangles in yellow: {output.highlights}."


@plain.register
def _(output: Verdict) -> str:
    told = [f"{'Supported' if output.supported else 'Not supported'} by the references (score {output.score:.2f})."]
    if output.evidence:
        told.append(f"Nearest sentence: {_quoted(output.evidence)}")
    told += [f"Against it: {reason}" for reason in output.reasons]
    return "\n".join(told)


def _sources(citations: Iterable[Citation], confidence: Confidence | None) -> list[str]:
    """The list of sources and the confidence, each as a paragraph when there is one."""
    lines = [_source(citation) for citation in citations]
    told = ["\n".join(["Sources:", *lines])] if lines else []
    if confidence is not None:
        parts = ", ".join(f"{name} {getattr(confidence, name):.0%}" for name in ("retrieval", "coverage", "agreement"))
        told.append(f"Confidence {confidence.score}% ({parts})")
    return told


def _source(citation: Citation) -> str:
    """One source on one line: where it is, the quote in quotation marks, and the sentences around it."""
    around = " ".join([*citation.before, _quoted(citation.quote), *citation.after])
    doubt = "" if citation.verified else " (not verified)"
    where = f"{citation.doc}, page {citation.page} (doc_id {citation.doc_id})"
    return f"{citation.marker} {where}{doubt}: {_on_one_line(around)}"


def _quoted(words: str) -> str:
    return f'"{_on_one_line(words)}"'


def _on_one_line(words: str) -> str:
    return " ".join(words.split())
