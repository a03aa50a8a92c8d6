"""A stranger's model card as plain text: its words, and nothing that could do anything."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MOST_CHARACTERS, MOST_LINES, LONGEST_LINE = 32 * 1024, 2_000, 2_000
"""Of a card as plain text. The Hub's own page shows the rest."""

# Each pattern consumes what it begins with to its end or the text's, so that it runs over a text once.
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->)?")
_HIDDEN = re.compile(r"<(?:script|style)\b(?:[^<]|<(?!/(?:script|style)\b))*+(?:</\w++[^<>]*+>)?", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*+>", re.IGNORECASE)
_TAG = re.compile(r"<[/!?]?[A-Za-z][^<>]*+>")
_HIDDEN_BEGIN = re.compile(r"<(?:script|style)\b", re.IGNORECASE)
_HIDDEN_END = re.compile(r"</(?:script|style)\b", re.IGNORECASE)
_APART = {"paragraph_close", "heading_close", "table_close", "fence", "code_block"}
"""Blocks with an empty line after them wherever they are."""


def plain_text(card: str) -> tuple[str, ...]:
    """A stranger's card as lines of plain text.

    Front matter, HTML tags, scripts and comments are left out; links and pictures become their words; code stays as it
    is. Characters that are invisible, or that turn the direction of others, are dropped. Only the beginning of a huge
    card is read; what is left takes time in proportion to its length.
    """
    body = _without_front_matter(card[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    lines: list[str] = []
    for line in _lines(_parser().parse(body)):
        if line or (lines and lines[-1]):
            lines.append(line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}…")
        if len(lines) > MOST_LINES:
            break
    return tuple(lines[:-1] if lines and not lines[-1] else lines)[:MOST_LINES]


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - it takes a tenth of a second, and the menu shows no card

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _without_front_matter(card: str) -> str:
    text = card.removeprefix("\N{BYTE ORDER MARK}").lstrip("\n")
    if not text.startswith("---\n"):
        return text
    _, end, body = text[3:].partition("\n---\n")
    return body if end else text


def _lines(blocks: Iterable[Token]) -> Iterator[str]:
    """The lines of a card, with empty ones between its blocks."""
    depth, mark = 0, ""  # of lists, and of the item that begins with the next line
    blocks = iter(blocks)
    for block in blocks:
        if block.type.endswith(("_list_open", "_list_close")):
            depth += block.nesting
        elif block.type == "list_item_open":
            mark = f"{block.info}{block.markup} "
        for line in _text(block, blocks):
            indent = "  " * (depth - bool(mark))
            yield _visible(f"{indent}{mark}{line}").rstrip()
            mark = ""
        if block.nesting <= 0 and (block.level == 0 or (block.type in _APART and not block.hidden)):
            yield ""


def _text(block: Token, rest: Iterator[Token]) -> list[str]:
    """The lines of the text that begins with a block; of a table's row, one with all its cells."""
    match block.type:
        case "inline":
            return _words(block.children).split("\n")
        case "tr_open":
            row = takewhile(lambda part: part.type != "tr_close", rest)
            cells = (" ".join(_words(part.children).split()) for part in row if part.type == "inline")
            return ["   ".join(filter(None, cells))]
        case "fence" | "code_block":
            return block.content.split("\n")
        case "html_block":
            return [line.strip() for line in _without_html(block.content).split("\n")]
    return []


def _words(parts: Iterable[Token] | None) -> str:
    """The words of a paragraph, a heading or a cell, in lines."""
    words = []
    hidden = False
    for part in parts or ():
        if part.type == "html_inline":
            hidden = _HIDDEN_BEGIN.match(part.content) is not None or (hidden and not _HIDDEN_END.match(part.content))
            words.append("\n" if _BREAK.match(part.content) else "")
        elif part.type in {"softbreak", "hardbreak"}:
            words.append("\n")
        elif not hidden:
            words.append(_words(part.children) if part.children else part.content)
    return "".join(words)


def _without_html(text: str) -> str:
    """The words of a block of HTML."""
    text = _HIDDEN.sub("", _COMMENT.sub("", text))
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))


def _visible(line: str) -> str:
    """The line without what cannot be seen: controls, marks of direction, and characters without a width."""
    line = line[: 16 * LONGEST_LINE].expandtabs(4)
    if line.isprintable():
        return line
    return "".join(" " if mark.isspace() else mark for mark in line if mark.isprintable() or mark.isspace())
