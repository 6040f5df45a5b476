"""CHANGELOG.md in the Keep a Changelog form: what is unreleased, and the text after a release."""

import re
from datetime import date

from bot.core.errors import Refused

PATH = "CHANGELOG.md"
_UNRELEASED = re.compile(r"^## \[?Unreleased\]?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_NEXT = re.compile(r"^(?:## |\[[^\]\n]+\]: )", re.MULTILINE)
"""Where a section ends: the next one, or the link definitions at the end of the file."""


def unreleased(text: str) -> str:
    """The notes under "Unreleased", without surrounding blank lines; empty where there are none."""
    found = _UNRELEASED.search(text)
    if found is None:
        return ""
    rest = text[found.end() :]
    end = _NEXT.search(rest)
    return (rest[: end.start()] if end else rest).strip()


def release(text: str, version: str, day: date, notes: str) -> str:
    """The changelog in which "Unreleased" is empty and `version` holds the notes; line ends are kept."""
    found = _UNRELEASED.search(text)
    if re.search(rf"^## \[?{re.escape(version)}\]?(?:\s|$)", text, re.MULTILINE):
        raise Refused(f"{PATH} has a section for {version} already; take it out or release another version.")
    if found is None:
        raise Refused(f'{PATH} has no section "## [Unreleased]"; add one above the latest version.')
    end = _NEXT.search(text, found.end())
    after = text[end.start() :] if end else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    section = f"\n\n## [{version}] - {day.isoformat()}\n\n{notes.strip()}\n".replace("\r\n", "\n")
    section += "\n" if after else ""
    return text[: found.end()].rstrip("\r") + section.replace("\n", newline) + after
