"""Read Markdown: CommonMark with tables, as the text that a reader would see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from servers.ingestion.blocks import Block, Content, Kind, paged
from servers.ingestion.plain import decoded

_FRONT_MATTER = re.compile(r"\A\ufeff?---[ \t]*\n(?P<fields>(?:.*\n)*?)(?:---|\.\.\.)[ \t]*(?:\n|\Z)")
_FIELD = re.compile(r"^(title|author|date)[ \t]*:[ \t]*(?P<quote>[\"']?)(.+?)(?P=quote)[ \t]*$", re.MULTILINE)


def read(data: bytes) -> Content:
    """A Markdown file, with or without front matter."""
    text, warnings = decoded(data)
    facts: dict[str, str] = {}
    if front := _FRONT_MATTER.match(text):
        facts = {name: value for name, _, value in _FIELD.findall(front["fields"])}
        text = text[front.end() :]
    pages, paging = paged(blocks(text))
    return Content(pages, paging, facts.get("title"), facts.get("author"), facts.get("date"), warnings)


def blocks(text: str) -> list[Block]:
    """Headings, paragraphs, items, tables and code in order; marks of emphasis and addresses of links are gone."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    found: list[Block] = []
    kinds: list[Kind] = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "table_open":
            end = next(index for index in range(at, len(tokens)) if tokens[index].type == "table_close")
            found.append(Block("\n".join(_rows(tokens[at:end])), "table"))
            at = end
        elif token.type in ("heading_open", "list_item_open"):
            kinds.append("heading" if token.type == "heading_open" else "item")
        elif token.type in ("heading_close", "list_item_close"):
            kinds.pop()
        elif token.type == "inline":
            found.append(Block(_plain(token), kinds[-1] if kinds else "text"))
        elif token.type in ("fence", "code_block"):
            found.append(Block(token.content.rstrip("\n")))
        elif token.type == "html_block":
            found += _markup(token.content)
        at += 1
    return [block for block in found if block.text.strip()]


def _rows(tokens: Sequence[Token]) -> Iterator[str]:
    cells: list[str] = []
    for token in tokens:
        if token.type == "inline":
            cells.append(_plain(token))
        elif token.type == "tr_close":
            yield " | ".join(cells)
            cells = []


def _plain(inline: Token) -> str:
    """Inline text without its marks; pictures stand as their description."""
    parts = []
    for token in inline.children or ():
        if token.type in ("text", "code_inline", "image"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
    return "".join(parts)


def _markup(html: str) -> list[Block]:
    from bs4 import BeautifulSoup

    from servers.ingestion import markup  # only for the few files that carry HTML

    return markup.blocks(BeautifulSoup(html, "lxml"))
