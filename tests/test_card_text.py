from __future__ import annotations

import time

import pytest

from models import card_text
from models.card_text import MAX_CHARACTERS, MAX_COLUMNS, MAX_LINE_LENGTH, MAX_LINES, plain_text

MARKDOWN = """---
title: hidden
---
# A **model**

[![A picture](a.png)](https://b.example) of <b>mine</b><br>and a [link](https://c.example "title").

| a | b |
|---|:-:|
| 1 | [two](x) |

```sh
volley train <FILE>  # [not](a link)
```
<!-- hidden
[hidden](x) -->
<script>hidden()</script><style>hidden { }</style>
a < b, c > d, 3 &lt; 4 &amp; <https://d.example>, `code`, snake_case, 2 \\* 3

[ref]: https://hidden.example
- one [item][ref]
"""


def test_a_strangers_card_is_its_words() -> None:
    assert plain_text(MARKDOWN) == (
        "A model",
        "",
        "A picture of mine",
        "and a link.",
        "",
        ("a", "b"),
        ("1", "two"),
        "",
        "volley train <FILE>  # [not](a link)",
        "",
        "a < b, c > d, 3 < 4 & https://d.example, code, snake_case, 2 * 3",
        "",
        "- one item",
    )


@pytest.mark.parametrize("place", ["{}", "```\n{}\n```", "&#{};", "<b {}>", "[{}](x)"])
def test_what_is_not_seen_does_nothing(place: str) -> None:
    hidden = [
        0x00,
        0x07,
        0x1B,
        0x7F,
        0x9B,
        0xAD,
        *range(0x200B, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2060, 0x2070),
    ]
    hidden += [*range(0x2060, 0x2070), 0xFEFF, 0xFFF9, 0xD800, 0xE0041, 0xE000]
    for code in hidden:
        text = place.format(code if "#" in place else chr(code))
        shown = "".join(line for line in plain_text(f"a{text}z") if isinstance(line, str))
        assert shown.isprintable(), hex(code)
        assert chr(code) not in shown, hex(code)
    assert plain_text("a\u200bb\r\nc\td\u00a0e\x1b[31m") == ("ab", "c   d e[31m")


def test_front_matter_that_never_ends_is_text() -> None:
    assert plain_text("---\na: b\nc") == ("a: b", "c")
    assert plain_text("\ufeff---\r\na: b\r\n---\r\nc") == ("c",)
    assert plain_text("") == plain_text("---\n---\n") == ()


def test_huge_cards_are_cut() -> None:
    (line,) = plain_text("x" * 100_000)
    assert line == "x" * MAX_LINE_LENGTH + "…"
    lines = plain_text("y\n" * 100_000)
    assert (len(lines), set(lines)) == (MAX_LINES, {"y"})
    assert plain_text("z\n\n\n\n\nz") == ("z", "", "z")


def test_a_table_has_rows_and_one_that_is_too_wide_has_lines() -> None:
    assert plain_text("|a|b|\n|-|-|\n||2|\n|3|\n\nc") == (("a", "b"), ("", "2"), ("3", ""), "", "c")
    wide, most = "|x" * (MAX_COLUMNS + 1), "|x" * MAX_COLUMNS
    assert plain_text(f"{most}|\n{'|-' * MAX_COLUMNS}|") == (("x",) * MAX_COLUMNS,)
    assert plain_text(f"{wide}|\n{'|-' * (MAX_COLUMNS + 1)}|") == ("   ".join("x" * (MAX_COLUMNS + 1)),)
    long = "y" * MAX_LINE_LENGTH
    assert plain_text(f"|{long}|z|\n|-|-|") == (f"{long}…",)


HOSTILE = ["[", "<", "`", "![", "[a](", "[a][", "![a][", "![[](", "<a ", "<!--", "<script", "</style ", "&#9", "&a"]
HOSTILE += ["|", "- |", "\\", "> ", "- ", "1. ", "- a\n  ", "*a ", "**a", "*_", "-" * 30_000 + "x\n", "a\n", "```\n"]
HOSTILE += ["\u202e", "\u0301", "\n", "[a]: ", "[a]: b\n", "\t", "---\n", "<https://", "~~", "#", "a\n=\n"]
HOSTILE += ["<div>\n<!--", "<div>\n<script ", "<div>\n<a ", "|x|y|\n|-|-|\n"]
HOSTILE += ["![" * 2000 + "](b)" * 2000]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:10]))
def test_hostile_cards_take_no_time(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser takes time in proportion to what it is given, and it is given no more than this."""
    monkeypatch.setattr(card_text, "MAX_CHARACTERS", MAX_CHARACTERS // 4)
    content = text * (2**20 // len(text))
    began = time.process_time()
    shown = plain_text(content)
    # Measured: 0.4 s at most. The whole megabyte would take half a minute.
    assert time.process_time() - began < 3
    assert all(text.isprintable() for line in shown for text in ([line] if isinstance(line, str) else line))


@pytest.mark.parametrize(
    ("card", "shown"),
    [
        ("- a\n- b\n  - c\n    d\n- e\n\nf", ("- a", "- b", "  - c", "    d", "- e", "", "f")),
        ("1. a\n\n   b\n2. c", ("1. a", "", "  b", "", "2. c")),
        ("# a\nb  \nc\n> d\n\n***\n    e  f", ("a", "", "b", "c", "", "d", "", "e  f")),
        ("a\n===\n~~b~~ __c__ `d*e*`", ("a", "", "b c d*e*")),
        (
            '<h1 align="center">A <i>title</i></h1>\n<p>text &lt;b&gt;<br>more</p>\n\nz',
            ("A title", "", "text <b>", "more", "", "z"),
        ),
        ("<div><script>hidden()</script>a<style>hidden</style><!-- hidden --></div>", ("a",)),
        ("a <script>hidden()</script> b <!-- hidden --> c", ("a  b  c",)),
        ("a <style>hidden", ("a",)),
        ("<!-- hidden\n\nhidden", ()),
        ("![a ![b](c) d](e)", ("a b d",)),
        ("[a](javascript:b) <javascript:c>", ("[a](javascript:b) <javascript:c>",)),
    ],
)
def test_what_is_shown_of_markdown_and_html(card: str, shown: tuple[str, ...]) -> None:
    assert plain_text(card) == shown
