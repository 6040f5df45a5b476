"""The release pull request: rendered, and read again when it is merged."""

import re
from dataclasses import dataclass

from bot.core.texts.markdown import bounded, harmless, read_section, section

BRANCH = "bolide/release-"
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){1,4}", re.ASCII)
_MARK = re.compile(r"<!-- bolide:release base=(?P<base>[0-9a-f]{40,64}) (?P<how>for|closes)=(?P<issue>\d{1,9}) -->")
_LONGEST_NOTES = 50_000


@dataclass(frozen=True, slots=True)
class ReleaseText:
    """What a release pull request says: the version, its notes (a person may edit them), what it was made from.

    `issue` is where the release was asked for, None where the text does not tell; `closes`: the issue is about nothing
    else and ends with the release.
    """

    version: str
    notes: str
    base_sha: str
    issue: int | None
    closes: bool


def branch(version: str) -> str:
    """The branch that a release is proposed from."""
    return f"{BRANCH}{version}"


def version_of(name: str) -> str | None:
    """The version that a release branch is for; None where it is another branch."""
    version = name.removeprefix(BRANCH)
    return version if name.startswith(BRANCH) and _VERSION.fullmatch(version) else None


def title(version: str) -> str:
    """The pull request's title and the commit's message."""
    return f"Release {version}"


def body(release: ReleaseText, previous: str) -> str:
    """The pull request's body; `parse` reads it again."""
    asked = f"\n\n{'Closes' if release.closes else 'Asked for in'} #{release.issue}." if release.issue else ""
    return (
        f"Merging this releases **{release.version}** (now {harmless(previous)}): the merge commit is tagged "
        f"`v{release.version}` and the notes below become the GitHub Release. Edit them here if you like.{asked}\n"
        f"<!-- bolide:release base={release.base_sha} {'closes' if release.closes else 'for'}={release.issue or 0} -->"
        f"\n\n{section('notes', bounded(release.notes, _LONGEST_NOTES))}"
    )


def parse(text: str, version: str) -> ReleaseText:
    """The release as its pull request says it now; without the notes' marks the whole text is the notes."""
    text = text.replace("\r\n", "\n")
    notes = read_section(text, "notes")
    mark = _MARK.search(text)
    said = bounded(_MARK.sub("", text).strip()) if notes is None else notes
    if mark is None:
        return ReleaseText(version, said, "", None, closes=False)
    return ReleaseText(version, said, mark["base"], int(mark["issue"]) or None, closes=mark["how"] == "closes")
