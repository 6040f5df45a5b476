"""Changelogs as packages write them: where they are, what of them is between two versions, and how it is shown."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.core.releasenotes import MAX_TEXT, Asked, Notes, between, changelog_link, description, from_html, text_address
from bot.core.texts import notes
from bot.core.texts.notes import neutral
from tests.core.test_markdown import HOSTILE, LIVE

ASKED = Asked("flask", "2.2.5", "3.1.0", "https://pypi.org/simple")
KEPT_IN_MARKDOWN = """\
# Changelog

Since 1.0 this file tells of every change.

## [Unreleased]

- soon

## [3.1.0] - 2026-10-01

### Added

- streams

## v3.0.2 (2026-01-01)

* faster

## 3.0.1rc1

- first try

## 3.0.0

- old
"""
KEPT_IN_RST = """\
Changes
=======

Version 3.1.0
-------------

Released 2026-10-01

-   Streams. :issue:`12`

Version 3.0.2
-------------

-   Faster.

Version 3.0.0
-------------

-   Old.
"""


def urls(*lines: str) -> str:
    told = "".join(f"Project-URL: {line}\n" for line in lines)
    return f"Metadata-Version: 2.1\nName: flask\n{told}\nThe description.\n"


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["Changelog, https://a.example/1"], "https://a.example/1"),
        (["Source, https://a.example/0", "Changes, https://a.example/1"], "https://a.example/1"),
        (["Docs: Changelog, https://a.example/1"], "https://a.example/1"),
        (["release notes, https://a.example/1"], "https://a.example/1"),
        (["Release Notes, https://a.example/2", "Change Log, https://a.example/1"], "https://a.example/1"),
        (["What's New, https://a.example/1"], "https://a.example/1"),
        (["Changelog, http://a.example/1"], "http://a.example/1"),
        (["Changelog, javascript:alert(1)"], ""),
        (["Changelog"], ""),
        (["Homepage, https://a.example/1"], ""),
        ([], ""),
    ],
)
def test_the_link_is_found_by_the_labels_that_packages_use(labels: list[str], found: str) -> None:
    assert changelog_link(urls(*labels)) == found


@pytest.mark.parametrize(
    ("link", "address"),
    [
        (
            "https://github.com/urllib3/urllib3/blob/main/CHANGES.rst",
            "https://raw.githubusercontent.com/urllib3/urllib3/main/CHANGES.rst",
        ),
        (
            "https://github.com/a/b/blob/main/docs/HISTORY.md#v3",
            "https://raw.githubusercontent.com/a/b/main/docs/HISTORY.md",
        ),
        ("https://github.com/a/b/releases", "https://github.com/a/b/releases"),
        ("https://example.org/CHANGES.rst", "https://example.org/CHANGES.rst"),
    ],
)
def test_a_file_on_github_is_read_as_a_file(link: str, address: str) -> None:
    assert text_address(link) == address


def test_the_description_is_where_metadata_keeps_it() -> None:
    assert description(urls()) == "The description."
    assert description("Name: flask\nDescription: Short.\n") == "Short."
    assert description("Name: flask\n") == ""


@pytest.mark.parametrize("text", [KEPT_IN_MARKDOWN, KEPT_IN_RST], ids=["Markdown", "RST"])
def test_the_section_between_two_versions_is_cut_out(text: str) -> None:
    cut = between(text, "3.0.0", "3.1.0").lower()
    assert "streams" in cut
    assert "faster" in cut
    assert "old" not in cut
    assert "soon" not in cut
    assert "faster" not in between(text, "3.0.2", "3.1.0").lower()


def test_without_an_old_version_it_is_the_one_section() -> None:
    cut = between(KEPT_IN_MARKDOWN, "", "3.0.2")
    assert "faster" in cut
    assert "first try" not in cut


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("", "1.0", "2.0"),
        ("no headings at all, not even for 2.0\n", "1.0", "2.0"),
        ("2.0\n\nnot underlined\n", "1.0", "2.0"),
        ("## 2.0.0.0.0.0.0.0.0.0.1\n", "1.0", "2.0"),
        (KEPT_IN_MARKDOWN, "3.1.0", "3.2.0"),
        (KEPT_IN_MARKDOWN, "3.0.0", "main"),
        ("## 2.0\n" + "x" * MAX_TEXT, "1.0", "2.0"),
    ],
)
def test_where_no_section_is_found_there_is_none(text: str, old: str, new: str) -> None:
    assert between(text, old, new) == ""


def test_a_page_of_the_web_is_read_as_its_words() -> None:
    page = """<html><head><title>3.1.0</title></head><body><nav>menu <b>3.1.0</b></nav><script>var x = "3.1.0"</script>
    <section><h2>Version 3.1.0<a href="#v">¶</a></h2><p>Released &amp; done</p>
    <ul><li>Streams</li><li>More</li></ul></section><section><h2>Version 3.0.0</h2>
    <p>Old</p></section></nav></body></html>"""
    cut = between(from_html(page), "3.0.0", "3.1.0")
    assert [line for line in cut.splitlines() if line] == ["## Version 3.1.0", "Released & done", "- Streams", "- More"]


def test_a_page_that_never_closes_what_it_opens_is_read_too() -> None:
    assert from_html("<h2>3.1.0<svg><nav><p>hidden</svg><p>shown") == "## 3.1.0\n\nshown"
    assert from_html("<p>a <!-- no --> b<script>x") == "a b"
    assert from_html("<p>1 < 2 <!-- the rest") == "1 < 2"


@pytest.mark.parametrize(
    "text",
    [
        "#" * 1_000_000,
        "<" * 1_000_000,
        "word @everyone fixes #1 " * 42_000,
        "a " * 100_000,
        "# a b c d " * 20_000,
        "# " + "1." * 100_000,
        "1.1.1.1\n" * 25_000,
        "# v" + "9" * 200_000,
        "> " * 100_000,
        "# " + " " * 200_000 + "x",
        "<a " * 70_000,
        "<!--" * 50_000,
        "</script>" * 20_000,
    ],
    ids=lambda text: text[:6],
)
def test_a_megabyte_of_anything_is_read_in_moments(text: str) -> None:
    started = time.process_time()
    between(text, "1.0", "2.0")
    neutral(text)
    from_html(text)
    assert time.process_time() - started < 5


def inert(shown: str) -> None:
    """Nothing alive is in the text, seen as GitHub's dialect has it: no link, image or HTML either."""
    for token in MarkdownIt("gfm-like", {"linkify": False, "html": True}).parse(shown):
        assert token.type != "html_block"
        for child in token.children or ():
            assert child.type in {"text", "softbreak", "text_special", "strong_open", "strong_close"}
        words = "".join(child.content for child in token.children or ())
        assert not LIVE.search(words), words
        assert not re.search(r"\b[0-9a-f]{7,64}\b", words), words


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_notes_do_nothing(text: str) -> None:
    for around in ("{}", "## {}", "- {}", "- a\n  - {}\n\n    {}", "```\n{}", "    {}", "> {}", "| {} |\n|---|\n"):
        inert(neutral(around.replace("{}", text)))


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*HOSTILE, "\n", "\n\n", "- ", "```", "<!--", "  "]) | st.text(max_size=4), max_size=9))
def test_no_notes_do_anything(parts: list[str]) -> None:
    inert(neutral("".join(parts)))


def test_commits_and_closing_words_are_no_references() -> None:
    shown = neutral("fixes #1, closes ada/digits#2, resolves 0123456789abcdef0123456789abcdef01234567 and @everyone")
    inert(shown)
    assert "fixes" in shown


def test_headings_lists_and_code_stay_readable() -> None:
    shown = neutral(
        "Version 3\n---------\n\n- one\n  - two `x`\n\n1. three\n\n    code\n\nlast ![image](https://a.b/c.png)"
    )
    assert shown.splitlines()[::2] == ["**Version 3**", "- one", "  - two x", "- three", "  code", "last"] or shown


def test_what_is_long_is_cut_and_says_so() -> None:
    shown = neutral("\n\n".join(f"paragraph {number}" for number in range(10_000)))
    assert len(shown) <= 3_000
    assert shown.endswith("the rest stands at the link.")
    assert neutral("word " * 5_000, 40_000).endswith("the rest stands at the link.")


def test_each_package_is_folded_with_its_link() -> None:
    told = Notes(ASKED, "## 3.1.0\n\n- streams", "https://github.com/pallets/flask/blob/main/CHANGES.rst")
    shown = notes.render([told])
    assert "<details><summary>flask 2.2.5 → 3.1.0</summary>" in shown
    # A link to GitHub itself would be seen as a reference to what is there.
    assert "[changelog](<https://redirect.github.com/pallets/flask/blob/main/CHANGES.rst>)" in shown
    assert notes.render([]) == ""


def test_what_was_in_the_way_is_said() -> None:
    shown = notes.render([Notes(ASKED, link="https://example.org/changes", trouble="not reachable")])
    assert "- flask 2.2.5 → 3.1.0: [changelog](<https://example.org/changes>), not reachable" in shown
    assert notes.render([Notes(ASKED, trouble="no changelog is named")]).endswith("3.1.0: no changelog is named")
    hostile = Notes(ASKED, "- x", "https://example.org/>) @ada [x](javascript:y")
    assert "@ada" not in notes.render([hostile])
    assert "(new)" in notes.render([Notes(Asked("flask", "", "3.1.0", ""), trouble="no")])


def test_what_is_shown_comes_first_and_packages_of_which_the_same_is_said_share_a_line() -> None:
    one, two, three, four = (Asked(name, "1", "2", "") for name in ("one", "two", "three", "four"))
    trouble = "no changelog is named"
    linked = Notes(two, link="https://example.org/changes", trouble="not reachable")
    found = [Notes(one, trouble=trouble), linked, Notes(three, "Fast."), Notes(four, trouble=trouble)]
    assert notes.render(found).split("\n\n")[-1].splitlines() == [
        "- two 1 → 2: [changelog](<https://example.org/changes>), not reachable",
        "- one 1 → 2, four 1 → 2: no changelog is named",
    ]
    assert notes.render(found).startswith("### Release notes\n\n<details><summary>three 1 → 2</summary>")


def test_a_hundred_packages_stay_within_the_bound() -> None:
    long = Notes(ASKED, "\n\n".join(["a paragraph of some words"] * 500), "https://example.org/changes")
    shown = notes.render([long] * 100)
    assert len(shown) <= notes.MAX_CHARACTERS + 200
    assert re.search(r"… and of \d\d packages more, left out for their length\.$", shown)


def test_a_picture_alone_leaves_nothing() -> None:
    assert neutral("![build](https://example.org/badge.svg)\n\nFixed.\n") == neutral("Fixed.\n")
