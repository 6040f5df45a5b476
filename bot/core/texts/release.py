"""The release pull request: rendered, and read again when it is merged."""

import re
from dataclasses import dataclass

from bot.core.texts.markdown import bounded, read_section, section

BRANCH = "bolide/release-"
_ISSUE = re.compile(r"<!-- bolide:issue (\d+) -->")


@dataclass(frozen=True, slots=True)
class ReleaseText:
    """What a release pull request says: the version, its notes (a person may edit them), the issue that asked."""

    version: str
    notes: str
    issue: int | None


def branch(version: str) -> str:
    """The branch that a release is proposed from."""
    return f"{BRANCH}{version}"


def version_of(name: str) -> str | None:
    """The version that a release branch is for; None where it is another branch."""
    return name.removeprefix(BRANCH) if name.startswith(BRANCH) else None


def title(version: str) -> str:
    """The pull request's title and the commit's first line."""
    return f"Release {version}"


def body(release: ReleaseText, previous: str) -> str:
    """The pull request's body; `parse` reads it again."""
    closes = f"\n\nCloses #{release.issue}\n<!-- bolide:issue {release.issue} -->" if release.issue else ""
    return bounded(
        f"Merging this releases **{release.version}** (now {previous}): the merge commit is tagged "
        f"`v{release.version}` and the notes below become the GitHub Release. Edit them here if you like.\n\n"
        f"{section('notes', release.notes)}{closes}"
    )


def parse(text: str, version: str) -> ReleaseText:
    """The release as its pull request says it now; without the notes' marks the whole text is the notes."""
    notes = read_section(text, "notes")
    issue = _ISSUE.search(text)
    return ReleaseText(version, text if notes is None else notes, int(issue[1]) if issue else None)
