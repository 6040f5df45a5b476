"""Commands of people: the title of an issue, or the first line of a comment → Command | None.

A command is a whole line of plain text: what stands in a quote, a code fence or an HTML comment never counts,
nor a line with invisible or direction-changing characters.
"""

import difflib
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from bot.core.errors import Refused

ReleaseKind = Literal["major", "minor", "patch"]


@dataclass(frozen=True, slots=True)
class UpdateNow:
    """Look for updates now."""


@dataclass(frozen=True, slots=True)
class ReleaseNow:
    """Propose the next release of this kind."""

    kind: ReleaseKind


@dataclass(frozen=True, slots=True)
class Help:
    """Say which commands there are."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Text that was meant for Bolide as a command and is none; `text` is its first word."""

    text: str


Command = UpdateNow | ReleaseNow | Help | Unknown

_TITLES: dict[str, Command] = {
    "kebechet update": UpdateNow(),
    "new major release": ReleaseNow("major"),
    "new minor release": ReleaseNow("minor"),
    "new patch release": ReleaseNow("patch"),
}
_LINES: dict[tuple[str, ...], Command] = {
    ("update",): UpdateNow(),
    ("help",): Help(),
    ("release", "major"): ReleaseNow("major"),
    ("release", "minor"): ReleaseNow("minor"),
    ("release", "patch"): ReleaseNow("patch"),
}
_COMMAND = re.compile(r"(?:/|(?P<mention>@bolide)[ \t]+)(?P<words>[a-z][a-z-]{0,39}(?:[ \t].*)?)", re.IGNORECASE)
USAGE = "`/update`, `/release major|minor|patch`, `/help`"


def in_title(title: str) -> Command | None:
    """The command that an issue's title is: exact, but for case and surrounding space."""
    return _TITLES.get(title.strip().lower()) if title.strip().isascii() and _plain(title) else None


def in_comment(body: str) -> Command | None:
    """The command in a comment's first line; `Unknown` where it is none, but was meant for Bolide.

    Other bots have commands with a slash too: one that is not near to any of Bolide's is theirs.
    """
    first = body.strip("\r\n").split("\n", 1)[0].rstrip()
    found = _COMMAND.fullmatch(first) if _plain(first) else None
    if found is None:
        return None
    words = tuple(found["words"].lower().split())
    if command := _LINES.get(words):
        return command
    names = {name for name, *_ in _LINES}
    return Unknown(words[0]) if found["mention"] or difflib.get_close_matches(words[0], names, 1, 0.8) else None


def refuse_unknown(command: Unknown) -> Refused:
    """The answer to a command that is none."""
    return Refused(f"`/{command.text}` is not a command here, or has other words after it; there are {USAGE}.")


def _plain(text: str) -> bool:
    """Whether the text has no invisible, control or direction-changing character that hides what it says."""
    shown = text.strip().replace("\t", " ")
    return not any(unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs"} for character in shown)
