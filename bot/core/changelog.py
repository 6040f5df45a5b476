"""CHANGELOG.md in the Keep a Changelog form: what is unreleased, and the text after a release."""

import re
from datetime import date

from bot.core.errors import Refused

PATH = "CHANGELOG.md"
_UNRELEASED = re.compile(r"^## \[?Unreleased\]?[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_COMPARISON = re.compile(
    r"^(\[Unreleased\]: *)(?P<page>\S+/compare/)(?P<begin>\S+?)\.\.\.(?P<end>[^\s.]+)", re.IGNORECASE | re.MULTILINE
)
_NEXT = re.compile(r"^(?:## |\[[^\]\n]+\]: )", re.MULTILINE)
"""Where a section ends: the next one, or the link definitions at the end of the file."""


def unreleased(text: str) -> str:
    """The notes under "Unreleased", without surrounding blank lines; empty where there are none."""
    found = _UNRELEASED.search(text)
    if found is None:
        return ""
    return _until_next(text[found.end() :])


def section(text: str, version: str) -> str:
    """The notes under a version, without surrounding blank lines; empty where it has no section."""
    found = re.search(rf"^## \[?{re.escape(version)}\]?(?:[ \t][^\n]*)?$", text, re.MULTILINE)
    return _until_next(text[found.end() :]) if found else ""


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
    made = f"\n\n## [{version}] - {day.isoformat()}\n\n{notes.strip()}\n".replace("\r\n", "\n")
    made += "\n" if after else ""
    return text[: found.end()].rstrip("\r") + made.replace("\n", newline) + _linked(after, version, newline)


def _until_next(rest: str) -> str:
    end = _NEXT.search(rest)
    return (rest[: end.start()] if end else rest).strip()


def _linked(text: str, version: str, newline: str) -> str:
    """The rest of the file, in which the comparison that "Unreleased" links to begins at the new version."""
    found = _COMPARISON.search(text)
    if found is None:
        return text
    links = f"{found[1]}{found['page']}v{version}...{found['end']}{newline}"
    links += f"[{version}]: {found['page']}{found['begin']}...v{version}"
    return f"{text[: found.start()]}{links}{text[found.end() :]}"
