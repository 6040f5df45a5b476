"""Foreign text made harmless, as a renderer of GitHub's dialect sees it; sections that come back as they went in."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.core.errors import Refused
from bot.core.texts import markdown
from bot.core.texts.markdown import bounded, count, fenced, harmless, quiet, read_section, replace_section, section

RENDERER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
HOSTILE = [
    "@everyone",
    "ping @ada, @org/team and (@rob)",
    "fixes #1",
    "Closes: ada/digits#12",
    "resolves GH-7",
    "fixes https://github.com/ada/digits/issues/1",
    "see www.example.org and mailto:ada@example.org",
    "&commat;everyone &#64;ada &num;1 &lt;b&gt;",
    "<b>bold</b> <!-- hidden --> <img src=x onerror=y>",
    "<!-- /bolide:evidence -->",
    "![pixel](//example.org/x.png) [link](javascript:x) [ref]: /x",
    "**bold** _em_ ~~gone~~ `code` ``` fence",
    "# heading",
    "1. item",
    "12) item",
    "- item",
    "+ item",
    "* item",
    "> quote",
    "| cell | cell |",
    "---",
    "===",
    "a\n\n# heading\n\n- item\n\n    code",
    "\tcode",
    "ends with \\",
    "\\@ada \\# \\\\*x*",
    "\u202etxt.exe\u202c \u2066x\u2069 z\u200bero \u00ad \u061c \u180e \U000e0041",
    "a\u2028# b\u2029- c\u0085d\rf\x1b[31m",
]
TEXT = st.lists(st.sampled_from([*HOSTILE, "GH", "www", *"@#1a-&;<!\n \\`|."]) | st.text(max_size=3), max_size=8).map(
    "".join
)
# No name on GitHub begins with an underscore.
LIVE = re.compile(r"[@#](?!_)[\w-]|\bGH-\d|\bwww\.|://", re.IGNORECASE)
PLAIN = {"text", "softbreak", "text_special"}


def assert_plain(tokens: list[Token]) -> None:
    """Nothing but words, and none of them alive."""
    for token in tokens:
        children = token.children or []
        assert {child.type for child in children} <= PLAIN
        words = "".join(child.content for child in children)
        assert not LIVE.search(words), words
        assert all(character.isprintable() or character == "\u200b" for character in words)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_and_does_nothing(text: str) -> None:
    assert_plain(RENDERER.parse(harmless(text)))


@given(TEXT)
def test_harmless_text_is_one_paragraph_of_plain_words(text: str) -> None:
    tokens = RENDERER.parse(harmless(text))
    assert [token.type for token in tokens if token.type not in ("paragraph_open", "inline", "paragraph_close")] == []
    assert_plain(tokens)


@given(TEXT)
def test_harmless_text_is_harmless_in_a_list_and_in_a_table(text: str) -> None:
    listed = RENDERER.parse(f"- {harmless(text)}\n")
    assert {token.type for token in listed} <= {
        "bullet_list_open",
        "list_item_open",
        "paragraph_open",
        "inline",
        "paragraph_close",
        "list_item_close",
        "bullet_list_close",
    }
    assert_plain(listed)
    row = RENDERER.parse(markdown.table(("a", "b"), [(harmless(text), "end")]))
    cells = [token.children or [] for token in row if token.type == "inline"]
    assert len(cells) == 4, "one cell each"
    assert "".join(child.content for child in cells[3]) == "end"
    assert_plain(row)


@given(TEXT)
def test_what_a_sentence_quotes_is_code_and_all_else_plain_words(text: str) -> None:
    for written in (markdown.quoting(text), f"- {markdown.quoting(text)}\n"):
        tokens = RENDERER.parse(written)
        words = [child for token in tokens for child in token.children or [] if child.type != "code_inline"]
        assert {child.type for child in words} <= PLAIN
        assert not any(LIVE.search(child.content) for child in words)
    assert markdown.quoting("`app:app` met a `x") == "`app:app` met a \\`x"
    assert read_section(section("a", markdown.quoting(text)), "a") == markdown.quoting(text)


@given(TEXT)
def test_the_words_of_plain_text_stay(text: str) -> None:
    plain = re.sub(r"[^a-z ]", "", text)
    assert harmless(plain).replace("\\", "") == " ".join(plain.split())


@pytest.mark.parametrize("text", [*HOSTILE, "```\n# out\n```", "````", "`````text", ""])
def test_fenced_lines_stay_in_their_block(text: str) -> None:
    tokens = RENDERER.parse(f"{fenced(text)}\n\nafter")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]


@given(TEXT)
def test_any_lines_can_be_fenced_and_lie_in_a_section(text: str) -> None:
    assert [token.type for token in RENDERER.parse(fenced(text))] == ["fence"]
    assert read_section(section("evidence", fenced(text)), "evidence") == fenced(text)


def test_of_a_long_log_the_end_is_shown() -> None:
    shown = fenced("first\n" + "x" * 20_000 + "\nlast", most=100)
    assert len(shown) < 130
    assert "last\n```" in shown
    assert "first" not in shown


SECTIONED = st.text().map(lambda text: text.replace("<!--", ""))


@given(SECTIONED, SECTIONED, SECTIONED)
def test_sections_come_back_as_they_went_in(before: str, text: str, after: str) -> None:
    body = f"{before}\n{section('verdict', text)}\n{after}"
    assert read_section(body, "verdict") == text
    replaced = replace_section(body, "verdict", f"new {text}")
    assert read_section(replaced, "verdict") == f"new {text}"
    assert replaced.startswith(before)
    assert replaced.endswith(after)


def test_a_section_that_a_person_took_out_is_named() -> None:
    assert read_section("my own words", "verdict") is None
    with pytest.raises(Refused, match="lost its section `verdict`"):
        replace_section("my own words", "verdict", "text")


def test_marks_in_a_text_end_no_section() -> None:
    body = section("notes", "a\n<!-- /bolide:notes -->\nb\n<!--bolide:proposal x -->")
    found = read_section(body, "notes")
    assert found is not None
    assert found.endswith("<\u200b!--bolide:proposal x -->")
    assert "\nb\n" in found


def test_a_quiet_sentence_keeps_its_code_and_its_links() -> None:
    assert quiet("`a.b` at https://pypi.org/simple has no flask") == "`a.b` at https://pypi.org/simple has no flask"
    assert quiet("@ada fixes #1 <b> &commat;x\n![p](q)") == "@\u200bada fixes #\u200b1 \\<b> \\&commat;x \\![p](q)"


@pytest.mark.parametrize("length", [59_999, 60_000])
def test_a_body_within_the_bound_stays(length: int) -> None:
    assert bounded("x" * length) == "x" * length


@pytest.mark.parametrize(
    "body",
    ["x" * 100_000, "line\n" * 30_000, "a\n```text\n" + "b\n" * 50_000 + "```\n", "`" * 70_000, "\n" * 70_000]
)  # fmt: skip
def test_a_body_is_cut_where_it_says_so(body: str) -> None:
    cut = bounded(body)
    assert len(cut) <= 60_000
    assert cut.endswith("\n\n… cut here: the text is longer than GitHub takes.")


def test_the_closing_sentence_stands_outside_of_a_cut_code_block() -> None:
    body = f"{fenced('a')}\n\n````text\n```\n" + "b\n" * 50_000 + "````\n"
    tokens = RENDERER.parse(bounded(body))
    assert [token.type for token in tokens] == ["fence", "fence", "paragraph_open", "inline", "paragraph_close"]


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [(1, "day", "1 day"), (2, "package", "2 packages"), (0, "dependency", "0 dependencies"), (7, "day", "7 days")],
)
def test_counts_agree_with_their_nouns(number: int, noun: str, said: str) -> None:
    assert count(number, noun) == said
