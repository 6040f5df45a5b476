"""Release notes: what is written under "Unreleased", and every merged change by its label or its conventional title."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.core.changes import Change
from bot.core.ports import CommitSummary, History, MergedPull
from bot.core.texts.markdown import count, harmless, table
from bot.core.texts.release import TITLE

BREAKING, ADDED, CHANGED, DEPRECATED = "Breaking changes", "Added", "Changed", "Deprecated"
REMOVED, FIXED, SECURITY, OTHER = "Removed", "Fixed", "Security", "Other changes"
DEPENDENCIES, CONTRIBUTORS, ALL = "Dependencies", "Contributors", "All changes"
ORDER = (BREAKING, SECURITY, ADDED, CHANGED, DEPRECATED, REMOVED, FIXED, OTHER, DEPENDENCIES, CONTRIBUTORS, ALL)
NOTHING = "No notable changes."
LABELS: Mapping[str, str] = {
    "breaking": BREAKING,
    "breaking-change": BREAKING,
    "security": SECURITY,
    "enhancement": ADDED,
    "feature": ADDED,
    "deprecation": DEPRECATED,
    "removal": REMOVED,
    "bug": FIXED,
    "fix": FIXED,
    "performance": CHANGED,
    "documentation": OTHER,
}
"""Which heading a label of a merged pull request leads to."""
LEFT_OUT = frozenset({"skip-changelog", "no-changelog", "ignore-for-release"})
"""A pull request with such a label is not told of."""
TYPES: Mapping[str, str] = {
    "feat": ADDED,
    "fix": FIXED,
    "perf": CHANGED,
    "refactor": CHANGED,
    "security": SECURITY,
    "deprecate": DEPRECATED,
    "remove": REMOVED,
    **dict.fromkeys(("build", "chore", "ci", "docs", "revert", "style", "test"), OTHER),
}
"""Which heading the type of a conventional title leads to; a title of another form is a change."""
_TITLE = re.compile(r"(?P<type>[a-z]+)(?:\((?P<scope>[^()\n]{1,60})\))?(?P<bang>!)?: +(?P<rest>\S.*)", re.IGNORECASE)
_BREAKING = re.compile(r"^BREAKING[ -]CHANGE: ", re.MULTILINE)
_BUMP = re.compile(r"(?:\w+(?:\(.*\))?!?: )?(?:bump|update dependency|update requirement|pin dependenc)", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\(#\d+\)$")
_COAUTHOR = re.compile(r"^Co-authored-by: *(?P<name>[^<\n]{1,100}?) *<", re.MULTILINE | re.IGNORECASE)
_HEADING = re.compile(r"^### +(?P<name>[^\r\n]*?) *$", re.MULTILINE)
_MOST_LINES, _MOST_ROWS, _MOST_NAMES = 50, 200, 100


@dataclass(frozen=True, slots=True)
class Material:
    """What notes are made from: `moved` is what the locks differ in, `compare` the address of all changes or empty.

    `login` is the bot's own, `update` and `release` begin the names of its branches of the two kinds.
    """

    written: str
    history: History
    pulls: tuple[MergedPull, ...]
    moved: tuple[Change, ...]
    previous: str
    compare: str
    login: str
    update: str
    release: str


@dataclass(frozen=True, slots=True)
class _Landed:
    """One step of the branch: a commit, and the pull request that it came from if there was one."""

    commit: CommitSummary
    pull: MergedPull | None

    @property
    def title(self) -> str:
        return _NUMBER.sub("", self.pull.title if self.pull else self.commit.subject)

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(label.lower() for label in self.pull.labels) if self.pull else frozenset()

    @property
    def reference(self) -> str:
        return f"#{self.pull.number}" if self.pull else self.commit.sha[:7]


def render(material: Material) -> str:
    """The notes as Markdown, each kind of change under a heading of its own; nobody is mentioned."""
    landed = [step for step in _steps(material) if not _is_own_release(step, material) and not step.labels & LEFT_OUT]
    updates = [step for step in landed if _is_update(step, material)]
    sections: dict[str, list[str]] = {}
    for name, text in parse(material.written):
        sections.setdefault(name, []).append(text)
    for name, lines in _told(step for step in landed if step not in updates and not _is_told(step, material.written)):
        sections.setdefault(name, []).append("\n".join(lines))
    for name, text in (
        (DEPENDENCIES, _dependencies(updates, material.moved)),
        (CONTRIBUTORS, _contributors(landed, material.login)),
        (ALL, _all(material)),
    ):
        if text:
            sections.setdefault(name, []).append(text)
    return unparse({name: "\n".join(texts) for name, texts in _ordered(sections).items()}) or NOTHING


def parse(text: str) -> list[tuple[str, str]]:
    """The sections of notes in order: heading (empty for what stands before the first) and text."""
    text = text.replace("\r\n", "\n")
    marks = list(_HEADING.finditer(text))
    ends = [mark.start() for mark in marks] + [len(text)]
    found = [("", text[: ends[0]].strip())]
    found += [(mark["name"], text[mark.end() : end].strip()) for mark, end in zip(marks, ends[1:], strict=True)]
    return [(name, words) for name, words in found if name or words]


def unparse(sections: Mapping[str, str]) -> str:
    """The notes of these sections."""
    return "\n\n".join(f"### {name}\n\n{text}".strip() if name else text for name, text in sections.items())


def merge(before: str, edited: str, after: str) -> str:
    """The notes as a person edited them, with what is new in `after` since `before`.

    A section that the person left alone is renewed; to one that they changed only new lines are added; one that they
    took out stays away but for new lines; what they wrote beside it stays.
    """
    old, theirs, new = dict(parse(before)), dict(parse(edited)), dict(parse(after))
    merged: dict[str, str] = {}
    for name, text in theirs.items():
        if name in old and text == old[name]:
            merged |= {name: new[name]} if name in new else {}
        else:
            merged[name] = "\n".join([text, *_fresh(old.get(name, ""), new.get(name, ""), text)]).strip()
    for name, text in new.items():
        if name in theirs:
            continue
        fresh = "\n".join(_fresh(old[name], text, "")) if name in old else text
        merged |= {name: fresh} if fresh else {}
    return unparse(merged)


def _fresh(old: str, new: str, there: str) -> list[str]:
    """The items and rows that are new and not there yet."""
    known = {*old.splitlines(), *there.splitlines()}
    return [line for line in new.splitlines() if line.startswith(("- ", "| ")) and line not in known]


def _told(steps: Iterable[_Landed]) -> Iterator[tuple[str, list[str]]]:
    """The lines of each heading, the newest first; a long history is cut."""
    lines: dict[str, list[str]] = {}
    for step in steps:
        lines.setdefault(_heading(step), []).append(_line(step))
    for name, found in lines.items():
        left = len(found) - _MOST_LINES
        yield name, [*found[:_MOST_LINES], *([f"- … and {left} more"] if left > 0 else [])]


def _steps(material: Material) -> Iterator[_Landed]:
    """The branch's own steps, newest first: what a merge brought in is told by its pull request."""
    commits = {commit.sha: commit for commit in material.history.commits}
    pulls = {pull.sha: pull for pull in material.pulls}
    sha = next(iter(commits), "")
    while sha in commits:
        commit = commits.pop(sha)
        yield _Landed(commit, pulls.get(sha))
        sha = commit.parents[0] if commit.parents else ""


def _is_own_release(step: _Landed, material: Material) -> bool:
    if step.pull:
        return step.pull.branch.startswith(material.release)
    return step.title.startswith(TITLE) and material.login in (step.commit.author, step.commit.login)


def _is_update(step: _Landed, material: Material) -> bool:
    """Whether it moves dependencies only: the bot's own update, one of another bot's, or one labelled so."""
    if step.pull and (step.pull.branch.startswith(material.update) or "dependencies" in step.labels):
        return True
    titled = _TITLE.fullmatch(step.title)
    return bool(titled and (titled["scope"] or "").lower().startswith("deps")) or bool(_BUMP.match(step.title))


def _is_told(step: _Landed, written: str) -> bool:
    """Whether a person has written of it under "Unreleased" already."""
    return bool(re.search(rf"{re.escape(step.reference)}(?!\w)", written))


def _heading(step: _Landed) -> str:
    title = _TITLE.fullmatch(step.title)
    if (title and title["bang"]) or _BREAKING.search(step.pull.body if step.pull else step.commit.message):
        return BREAKING
    if labelled := [heading for label, heading in LABELS.items() if label in step.labels]:
        return labelled[0]
    return TYPES.get(title["type"].lower(), CHANGED) if title else CHANGED


def _line(step: _Landed) -> str:
    title = _TITLE.fullmatch(step.title)
    if title is None or title["type"].lower() not in TYPES:
        return f"- {harmless(step.title[:300])} ({step.reference})"
    scope = f"**{harmless(title['scope'])}:** " if title["scope"] else ""
    rest = title["rest"][0].upper() + title["rest"][1:300]
    return f"- {scope}{harmless(rest)} ({step.reference})"


def _dependencies(updates: list[_Landed], moved: tuple[Change, ...]) -> str:
    """All moves since the last release in one table, however many pull requests they came in."""
    if not moved:
        return "\n".join(map(_line, updates))
    names = len({change.name for change in moved})
    of = f" in {count(len(updates), 'update')}" if updates else ""
    rows = [(f"`{change.name}`", harmless(change.old) or "–", harmless(change.new) or "–") for change in moved]
    left = f"\n\n… and {count(len(rows) - _MOST_ROWS, 'row')} more." if len(rows) > _MOST_ROWS else ""
    return f"{count(names, 'package')} moved{of}.\n\n{table(('package', 'from', 'to'), rows[:_MOST_ROWS])}{left}"


def _contributors(landed: list[_Landed], login: str) -> str:
    """Who made the changes, in the order of the names; bots are none."""
    names: dict[str, str] = {}
    for step in landed:
        said = (step.pull.author if step.pull else "") or step.commit.login or step.commit.author
        for name in (said, *(found["name"] for found in _COAUTHOR.finditer(step.commit.message))):
            if name and name != login and not name.endswith("[bot]"):
                names.setdefault(name.lower(), name)
    shown = [harmless(names[key]) for key in sorted(names)][:_MOST_NAMES]
    return ", ".join(shown) + (f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else "")


def _all(material: Material) -> str:
    if not material.compare or not material.history.total:
        return ""
    return f"[{count(material.history.total, 'commit')} since {material.previous}]({material.compare})"


def _ordered(sections: Mapping[str, list[str]]) -> Mapping[str, list[str]]:
    """What comes first, then the known headings in their order, those of a person's own between."""
    known = {name: number for number, name in enumerate(("", *ORDER[: ORDER.index(OTHER)]))}
    last = {name: 100 + number for number, name in enumerate(ORDER[ORDER.index(OTHER) :])}
    places: Iterable[str] = sorted(sections, key=lambda name: {**known, **last}.get(name, 50))
    return {name: sections[name] for name in places}
