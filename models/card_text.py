"""A stranger's model card as plain text: the words, and no active content."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_CHARACTERS, MAX_LINES, MAX_LINE_LENGTH = 32 * 1024, 2_000, 2_000
"""Limits of a card as plain text. The rest is on the Hub's own page."""
MAX_COLUMNS = 12
"""Of a table. The cells of a wider one follow each other in a line."""

Row: TypeAlias = tuple[str, ...]
"""The cells of a table's row. Rows that follow each other are of one table."""
Line: TypeAlias = str | Row

# Each pattern matches up to its closing tag or the end of the text, so it scans a text only once.
_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->)?")
_HIDDEN = re.compile(r"<(?:script|style)\b(?:[^<]|<(?!/(?:script|style)\b))*+(?:</\w++[^<>]*+>)?", re.IGNORECASE)
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/tr|/h[1-6])\b[^<>]*+>", re.IGNORECASE)
_TAG = re.compile(r"<[/!?]?[A-Za-z][^<>]*+>")
_HIDDEN_BEGIN = re.compile(r"<(?:script|style)\b", re.IGNORECASE)
_HIDDEN_END = re.compile(r"</(?:script|style)\b", re.IGNORECASE)
_SEPARATED_BLOCKS = {"paragraph_close", "heading_close", "table_close", "fence", "code_block"}
"""Blocks that always have an empty line after them."""


def plain_text(card: str) -> tuple[Line, ...]:
    """Returns a stranger's card as lines of plain text, and rows of tables.

    Front matter, HTML tags, scripts and comments are removed; links and pictures become their text; code stays
    unchanged. Invisible characters and marks that change the writing direction are dropped. Of a huge card, only the
    beginning is read, in time linear in its length.
    """
    body = _without_front_matter(card[:MAX_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    lines: list[Line] = []
    for line in _lines(_parser().parse(body)):
        if line or (lines and lines[-1]):
            lines.append(_short(line))
        if len(lines) > MAX_LINES:
            break
    return tuple(lines[:-1] if lines and not lines[-1] else lines)[:MAX_LINES]


def _short(line: Line) -> Line:
    """A line, cut if it is too long; a row as a line if it is too wide."""
    if isinstance(line, tuple):
        if len(line) <= MAX_COLUMNS and sum(map(len, line)) <= MAX_LINE_LENGTH:
            return line
        line = "   ".join(filter(None, line))
    return line if len(line) <= MAX_LINE_LENGTH else f"{line[:MAX_LINE_LENGTH]}…"


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # noqa: PLC0415 - takes a tenth of a second, and the menu shows no cards

    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


def _without_front_matter(card: str) -> str:
    text = card.removeprefix("\N{BYTE ORDER MARK}").lstrip("\n")
    if not text.startswith("---\n"):
        return text
    _, end, body = text[3:].partition("\n---\n")
    return body if end else text


def _lines(blocks: Iterable[Token]) -> Iterator[Line]:
    """The lines and rows of a card, with empty lines between its blocks."""
    depth, bullet = 0, ""  # list depth; the bullet or number of an item that starts on the next line
    blocks = iter(blocks)
    for block in blocks:
        if block.type.endswith(("_list_open", "_list_close")):
            depth += block.nesting
        elif block.type == "list_item_open":
            bullet = f"{block.info}{block.markup} "
        if block.type == "tr_open":
            yield tuple(map(_visible, _cells(blocks)))
        for line in _text(block):
            indent = "  " * (depth - bool(bullet))
            yield _visible(f"{indent}{bullet}{line}").rstrip()
            bullet = ""
        if block.nesting <= 0 and (block.level == 0 or (block.type in _SEPARATED_BLOCKS and not block.hidden)):
            yield ""


def _cells(rest: Iterator[Token]) -> Iterator[str]:
    """The cells of the row that has begun."""
    row = takewhile(lambda part: part.type != "tr_close", rest)
    return (" ".join(_inline_text(part.children).split()) for part in row if part.type == "inline")


def _text(block: Token) -> list[str]:
    """The lines of a block that is not a row."""
    match block.type:
        case "inline":
            return _inline_text(block.children).split("\n")
        case "fence" | "code_block":
            return block.content.split("\n")
        case "html_block":
            return [line.strip() for line in _without_html(block.content).split("\n")]
    return []


def _inline_text(parts: Iterable[Token] | None) -> str:
    """The text of a paragraph, heading or cell; it may span several lines."""
    texts = []
    hidden = False
    for part in parts or ():
        if part.type == "html_inline":
            hidden = _HIDDEN_BEGIN.match(part.content) is not None or (hidden and not _HIDDEN_END.match(part.content))
            texts.append("\n" if _BREAK.match(part.content) else "")
        elif part.type in {"softbreak", "hardbreak"}:
            texts.append("\n")
        elif not hidden:
            texts.append(_inline_text(part.children) if part.children else part.content)
    return "".join(texts)


def _without_html(text: str) -> str:
    """The text of an HTML block."""
    text = _HIDDEN.sub("", _COMMENT.sub("", text))
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text)))


def _visible(line: str) -> str:
    """The line without invisible characters: controls, direction marks and zero-width characters."""
    line = line[: 16 * MAX_LINE_LENGTH].expandtabs(4)
    if line.isprintable():
        return line
    visible = (character for character in line if character.isprintable() or character.isspace())
    return "".join(" " if character.isspace() else character for character in visible)
