"""CHANGELOG.md: what is read from it and how little of it changes."""

from datetime import date

import pytest

from bot.core import changelog
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
    links = "https://example.org/compare/v1.3.0...HEAD\n[1.3.0]: https://example.org/compare/v1.2.3...v1.3.0"
    wanted = wanted.replace("https://example.org/compare/v1.2.3...HEAD", links)
    assert changelog.section(released.replace("\r", ""), "1.3.0") == "### Added\n\n- A page."
    assert changelog.section(released, "1.3") == ""
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
