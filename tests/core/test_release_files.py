"""CHANGELOG.md and the version files: what is read from them and how little of them changes."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import changelog, versionfiles
from bot.core.errors import Refused

DAY = date(2026, 11, 23)
LOG = """\
# Changelog

## [Unreleased]

### Added

- A page.

## [1.2.3] - 2026-01-01

- First.

[Unreleased]: https://example.org/compare/v1.2.3...HEAD
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_unreleased_notes_move_under_the_version_and_nothing_else_changes(newline: str) -> None:
    text = LOG.replace("\n", newline)
    notes = changelog.unreleased(text)
    assert notes.split() == ["###", "Added", "-", "A", "page."]
    released = changelog.release(text, "1.3.0", DAY, notes)
    wanted = LOG.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [1.3.0] - 2026-11-23\n")
    assert released == wanted.replace("\n", newline)
    assert changelog.unreleased(released) == ""
    with pytest.raises(Refused, match=r"has a section for 1\.3\.0 already"):
        changelog.release(released, "1.3.0", DAY, notes)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("", ""),
        ("# Changelog\n", ""),
        ("## Unreleased\n- a\n", "- a"),
        ("## [UNRELEASED]  \n\n- a\n\n## 1.0\n- b\n", "- a"),
        ("## [Unreleased]\n\n## 1.0\n", ""),
        ("## [Unreleased]\n\n- a\n\n[Unreleased]: https://example.org\n", "- a"),
        ("### [Unreleased]\n- a\n", ""),
        ("see ## [Unreleased]\n- a\n", ""),
    ],
)
def test_what_is_unreleased(text: str, notes: str) -> None:
    assert changelog.unreleased(text) == notes


def test_a_first_release_and_one_above_links() -> None:
    assert (
        changelog.release("## Unreleased", "1.0.0", DAY, "- a") == "## Unreleased\n\n## [1.0.0] - 2026-11-23\n\n- a\n"
    )
    links = "## [Unreleased]\n\n- a\n\n[Unreleased]: https://example.org\n"
    assert changelog.release(links, "1.0.0", DAY, "- a").endswith("\n\n- a\n\n[Unreleased]: https://example.org\n")


def test_a_longer_version_is_another_one() -> None:
    assert "## [1.3.0]" in changelog.release("## [Unreleased]\n\n## [1.3.0.1]\n", "1.3.0", DAY, "- a")
    with pytest.raises(Refused, match="no section"):
        changelog.release("# Changelog\n", "1.3.0", DAY, "- a")


FILES = [
    ("a.py", "__version__ = '1.2.3'"),
    ("a.py", '"""Doc."""\r\n\r\n__version__ = "1.2.3"  # keep me\r\nx = "1.2.3"\r\n'),
    ("a.py", '__version__: str = "1.2.3"\n'),
    ("a.py", '__version__: typing.Final = "1.2.3"\n'),
    ("a.py", '\ufeff__version__="1.2.3"\n'),
    ("pyproject.toml", '[build-system]\nrequires = []\n\n[project]\nname = "x"\nversion = "1.2.3" # here\n'),
    ("pyproject.toml", "[project] # table\r\nversion='1.2.3'\r\n[tool.x]\r\nversion = '9'\r\n"),
    ("pyproject.toml", '\ufeff[project]\ndependencies = [\n  "a==1",\n]\nversion = "1.2.3"\n'),
]


@pytest.mark.parametrize(("path", "text"), FILES)
def test_only_the_version_changes(path: str, text: str) -> None:
    assert versionfiles.read(path, text) == "1.2.3"
    written = versionfiles.write(path, text, "1.3.0")
    first = text.index("1.2.3")
    assert written == f"{text[:first]}1.3.0{text[first + 5 :]}"


@pytest.mark.parametrize(
    ("path", "text", "sentence"),
    [
        ("a.py", "", 'a.py has no version; a release needs exactly one `__version__ = "1.2.3"`.'),
        ("a.py", "  __version__ = '1'", "a.py has no version"),
        ("a.py", "# __version__ = '1'", "a.py has no version"),
        ("a.py", "__version__ = '1'\n__version__ = '2'\n", "a.py has 2 versions"),
        ("a.py", "__version__ = get()\n", "a.py has no version"),
        ("p.toml", "[project]\ndynamic = ['version']\n", 'exactly one `version = "1.2.3"`'),
        ("p.toml", "[tool.x]\nversion = '1'\n", "p.toml has no version"),
        ("p.toml", "[project]\n[tool.x]\nversion = '1'\n", "p.toml has no version"),
    ],
)
def test_no_version_or_several_are_refused(path: str, text: str, sentence: str) -> None:
    with pytest.raises(Refused) as raised:
        versionfiles.read(path, text)
    assert sentence in str(raised.value)
    with pytest.raises(Refused, match="a release needs exactly one"):
        versionfiles.write(path, text, "2")


@given(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}", fullmatch=True), st.sampled_from(FILES))
def test_what_was_written_is_read(version: str, file: tuple[str, str]) -> None:
    path, text = file
    assert versionfiles.read(path, versionfiles.write(path, text, version)) == version
