"""The release pull request: rendered, and read again when main moves and when it is merged."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.ports import CheckOutcome
from bot.core.texts.markdown import bounded, count, harmless, quiet, read_section, section
from bot.core.versions import KINDS, Exactly, ReleaseKind, Wanted

BRANCH = "bolide/release"
"""The one branch that a release is proposed from: there is one open release at a time."""
LABELS: Mapping[str, ReleaseKind] = {
    "calendar-release": "calendar",
    "major-release": "major",
    "minor-release": "minor",
    "patch-release": "patch",
    "pre-release": "pre",
    "build-release": "build",
    "finalize-version": "finalize",
}
"""What a label on a merged pull request asks for."""
STATE = "release"
"""The key of the comment on the release pull request that says where the release stands."""
TITLE = "Release "
_WANTED = r"(?P<wanted>[a-z]{1,20}|[0-9][0-9A-Za-z.!_+-]{0,60})"
_MARK = re.compile(
    r"<!-- bolide:release base=(?P<base>[0-9a-f]{40,64}) (?P<how>for|closes)=(?P<issue>\d{1,9}) "
    rf"wanted={_WANTED} notes=(?P<notes>[0-9a-f]{{64}}) -->"
)
_LONGEST_NOTES = 45_000


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for and where: `issue` (None: nowhere to be told of) ends with the release where it `closes`."""

    wanted: Wanted
    issue: int | None
    closes: bool


@dataclass(frozen=True, slots=True)
class ReleaseText:
    """What a release pull request says now: its order, its notes, the commit that it was made from.

    `edited`: a person has changed the notes since they were made.
    """

    order: Order
    notes: str
    base_sha: str
    edited: bool


def title(version: str) -> str:
    """The pull request's title and the commit's message."""
    return f"{TITLE}{version}"


def body(order: Order, version: str, previous: str, base_sha: str, made: str, notes: str) -> str:
    """The pull request's body; `parse` reads it again. `made` are the notes before anybody edited them."""
    ends = ", which ends with the release" if order.closes else ""
    asked = f"\n\nAsked for in #{order.issue}{ends}." if order.issue else ""
    wanted = order.wanted.version if isinstance(order.wanted, Exactly) else order.wanted
    shown = bounded(notes, _LONGEST_NOTES)
    digest = _digest(shown if made == notes else bounded(made, _LONGEST_NOTES))
    return (
        f"Merging this releases **{version}** (now {harmless(previous)}): the merge commit is tagged `v{version}` once "
        f"its checks have passed, and the notes below become the GitHub Release. Edit them here if you like: what you "
        f"write stays, and this is kept up to date while the default branch moves. "
        f"`/release cancel` takes it back.{asked}\n"
        f"<!-- bolide:release base={base_sha} {'closes' if order.closes else 'for'}={order.issue or 0} "
        f"wanted={wanted} notes={digest} -->\n\n{section('notes', shown)}"
    )


def parse(text: str) -> ReleaseText | None:
    """The release as its pull request says it now; None where a person took out what tells it."""
    text = text.replace("\r\n", "\n")
    mark, notes = _MARK.search(text), read_section(text, "notes")
    if mark is None or notes is None:
        return None
    word = mark["wanted"]
    wanted = next((kind for kind in KINDS if kind == word), None)
    order = Order(wanted or Exactly(word), int(mark["issue"]) or None, closes=mark["how"] == "closes")
    return ReleaseText(order, notes, mark["base"], edited=_digest(notes) != mark["notes"])


def words(text: str) -> str:
    """What a person wrote in the place of the bot's text."""
    return bounded(_MARK.sub("", text.replace("\r\n", "\n")).strip(), _LONGEST_NOTES)


def waiting(version: str, pending: tuple[CheckOutcome, ...]) -> str:
    """Why the release is not tagged yet."""
    return f"⏳ {version} is tagged once these have ended: {_named(pending)}."


def failed(version: str, outcomes: tuple[CheckOutcome, ...], where: str) -> str:
    """Why the release is not tagged."""
    return (
        f"🛑 {version} is not released: {_named(outcomes)} failed on {where}. Let what failed run again and comment "
        f"`/recheck` here, or mend it and ask for the next release."
    )


def late(version: str, pending: tuple[CheckOutcome, ...]) -> str:
    """Why the release is not tagged, and that nobody waits any more."""
    return (
        f"🛑 {version} is not released: {_named(pending)} did not end within a day. "
        "Comment `/recheck` here when they have."
    )


def released(number: int) -> str:
    """The last word: `{released}` is filled in when it is applied."""
    return f"Released as {{released}}, from #{number}."


def yanked(version: str, reason: str) -> str:
    """The warning above the notes of a release that nobody should use."""
    why = f" Why: {harmless(reason)}." if reason else ""
    return f"> [!CAUTION]\n> {version} was yanked: do not use it.{why}"


def after_yank(version: str, reason: str, url: str, asked: int) -> tuple[str, str]:
    """Title and body of the issue that a yanked release leaves behind."""
    why = f"\n\nWhy: {harmless(reason)}." if reason else ""
    body = (
        f"[{version}]({url}) was yanked on request in #{asked}.{why}\n\n"
        "- [ ] mend what is wrong with it\n"
        "- [ ] comment `/release patch` for the release that replaces it\n"
        f"- [ ] yank {version} on the package index too, where it was published there"
    )
    return f"Replace the yanked release {version}", body


def _named(outcomes: tuple[CheckOutcome, ...]) -> str:
    shown = ", ".join(f"`{quiet(outcome.name[:80]).replace('`', chr(39))}`" for outcome in outcomes[:10])
    return shown + (f" and {count(len(outcomes) - 10, 'other')}" if len(outcomes) > 10 else "")


def _digest(notes: str) -> str:
    return hashlib.sha256(" ".join(notes.split()).encode()).hexdigest()
