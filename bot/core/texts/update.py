"""The update pull request: title, body and the commit's message."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime

from packaging.version import InvalidVersion, Version

from bot.core.advice import Advice
from bot.core.changes import Change
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.packages import HeldBack
from bot.core.releasenotes import Notes
from bot.core.texts import advice, notes
from bot.core.texts.markdown import bounded, count, fitting, harmless, quoting, section, table
from bot.core.versions import is_major_update

_PROPOSAL = re.compile(
    r"<!-- bolide:proposal base=(?P<base>[0-9a-f]{40,64}) lock=(?P<lock>[0-9a-f]{64})"
    r"(?: file=(?P<file>[A-Za-z0-9._/-]{1,200}))? -->"
)
_ADVISORY = re.compile(r"\b(?:PYSEC|GHSA|CVE|MAL)-[0-9A-Za-z-]{1,60}")
"""An advisory's id as OSV's pages know it."""
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
SNAPSHOT = "{snapshot}"
"""Stands in a body for the line that names the record of what it was derived from."""
_SNAPSHOT = re.compile(r"^- snapshot `([0-9a-f]{64})`", re.MULTILINE)
_TABLE_CHARACTERS = 30_000
_HEAD = ("package", "from", "to", "step", "why", "in", "source", "released")
BRANCH = "bolide/update"
NOT_OURS = "This is no open pull request with an update of Bolide's; comment there."
WAITING = (
    "⏳ **Evidence is being gathered**: both locks are installed in isolation, the service boots, the model trains."
)
STEER = (
    "### How to steer\n\nComment `/explain PACKAGE` to hear why it is there, `/ignore PACKAGE` to keep it there, "
    "`/rebase` to have this made anew, `/recheck` for new evidence, `/help` for every command. "
    "A commit of yours on this branch stops Bolide from touching it; closing the pull request declines this lock."
)
MEASURING = "### Evidence\n\nBeing measured; this text is replaced by the figures."


@dataclass(frozen=True, slots=True)
class Move:
    """A package that moves: why, the day its new version was released (None: untold), the index that it is from."""

    change: Change
    why: str
    released: date | None
    source: str


@dataclass(frozen=True, slots=True)
class UpdateText:
    """What the pull request says of an update."""

    environment: Environment
    moves: tuple[Move, ...]
    held_back: tuple[HeldBack, ...]
    notes: tuple[str, ...]
    base_sha: str
    lock_sha256: str
    python: str
    cooldown_days: int
    resolver: str
    as_of: datetime
    release_notes: tuple[Notes, ...] = ()
    advice: Advice = field(default_factory=Advice)
    partial: bool = False
    """Whether other packages were to stay where they are."""
    exempt: frozenset[str] = frozenset()
    """The packages that the cooldown spared, for what they mend."""

    @property
    def changes(self) -> tuple[Change, ...]:
        """What moves."""
        return tuple(move.change for move in self.moves)


def handed_over(branch: str) -> str:
    """What is said of a branch on which a person has committed."""
    return f"A person has committed to `{branch}`; Bolide leaves that branch alone until it is merged or deleted."


@dataclass(frozen=True, slots=True)
class Proposal:
    """What an update pull request proposes: the sha256 of a lock, made at a commit of the base branch, and its path."""

    base_sha: str
    lock_sha256: str
    file: str = "Pipfile.lock"


def title(changes: tuple[Change, ...], environment: Environment) -> str:
    """How many packages change, and in which environment or category where it is one; a single package by its name."""
    direct = len({change.name for change in changes if change.direct})
    transitive = len({change.name for change in changes} - {change.name for change in changes if change.direct})
    places = {place for change in changes for place in change.categories}
    where = environment.where or (f" ({places.pop()})" if len(places) == 1 else "")
    if len(changes) == 1 and changes[0].kind in ("updated", "downgraded"):
        verb = "Update" if changes[0].kind == "updated" else "Downgrade"
        return f"{verb} {changes[0].name} from {changes[0].old} to {changes[0].new}{where}"
    verb = "Lock" if changes and all(change.kind == "added" for change in changes) else "Update"
    parts = [f"{number} {word}" for number, word in ((direct, "direct"), (transitive, "transitive")) if number]
    noun = "dependency" if direct + transitive == 1 else "dependencies"
    return f"{verb} {' and '.join(parts)} {noun}{where}" if parts else f"Refresh {environment.lock}"


def message(update: UpdateText) -> str:
    """The commit's message: the title, then one line for each package."""
    lines = [f"- {change.name} {change.old or '(new)'} → {change.new or '(gone)'}" for change in update.changes]
    return f"{title(update.changes, update.environment)}\n\n" + "\n".join(lines)


def body(update: UpdateText) -> str:
    """The pull request's body; verdict and evidence stand in sections that are replaced when they are known."""
    parts = [
        section("verdict", WAITING),
        # High up, so that no cut of the body takes it away.
        f"<!-- bolide:proposal base={update.base_sha} lock={update.lock_sha256} file={update.environment.lock} -->",
        f"### What changed\n\n{_changes(update)}",
        notes.render(update.release_notes),
        section("evidence", MEASURING),
        _held_back(update),
        _advice(update.advice),
        STEER,
        _derivation(update),
    ]
    return bounded("\n\n".join(part for part in parts if part))


def with_snapshot(body: str, snapshot: str) -> str:
    """The body with the hash of the record that it was derived from, empty where none was kept."""
    kept = f"snapshot `{snapshot}`: `python -m bot replay` derives lock and text from it again, or says why not"
    return body.replace(SNAPSHOT, kept if snapshot else "no snapshot was kept: this cannot be derived again later")


def snapshot(body: str) -> str:
    """The hash of the record that a body names, empty where it names none."""
    found = _SNAPSHOT.search(body)
    return found[1] if found else ""


def parse(body: str) -> Proposal | None:
    """What the pull request with this body proposes; None where a person took the mark out."""
    found = _PROPOSAL.search(body)
    return Proposal(found["base"], found["lock"], found["file"] or "Pipfile.lock") if found else None


def retired(body: str) -> str:
    """The body of a pull request that Bolide itself closes: it proposes nothing any more."""
    return _PROPOSAL.sub("", body)


def _changes(update: UpdateText) -> str:
    if not update.changes:
        return f"No version: only hashes, or what the lock says of its {_file_name(update.environment.manifest)}."
    direct = [_row(move) for move in update.moves if move.change.direct]
    others = [_row(move) for move in update.moves if not move.change.direct]
    shown = fitting([*direct, *others], _TABLE_CHARACTERS)
    parts = [table(_HEAD, shown[: len(direct)])] if direct else []
    if folded := shown[len(direct) :]:
        whose = f"{count(len(others), 'package')} that others require"
        parts.append(f"<details><summary>{whose}</summary>\n\n{table(_HEAD, folded)}\n\n</details>")
    left = len(direct) + len(others) - len(shown)
    return "\n\n".join(parts) + (f"\n\n… and {count(left, 'package')} more: see the commit's message." if left else "")


def _file_name(path: str) -> str:
    return path.rpartition("/")[2]


def _row(move: Move) -> tuple[str, ...]:
    change = move.change
    return (
        f"{_code(change.name)}{' **direct**' if change.direct else ''}",
        harmless(change.old) or "–",
        harmless(change.new) or "–",
        _step(change),
        _ADVISORY.sub(r"[\g<0>](https://osv.dev/vulnerability/\g<0>)", harmless(move.why)),
        ", ".join(change.categories),
        harmless(move.source),
        move.released.isoformat() if move.released else "–" if not change.new else "unknown",
    )


def _step(change: Change) -> str:
    """How far a package moves; what is no version, such as a git commit, just changes."""
    if change.kind in ("added", "removed", "downgraded"):
        return change.kind
    try:
        if is_major_update(change.old, change.new):
            return "major"
        old, new = Version(change.old).release, Version(change.new).release
    except (Refused, InvalidVersion):
        return "changed"
    return "minor" if (*old, 0)[1:2] != (*new, 0)[1:2] else "patch"


def _code(name: str) -> str:
    return f"`{_NOT_A_NAME.sub('', name)}`"


def _held_back(update: UpdateText) -> str:
    notes = "".join(f"\n- {quoting(note[:500])}" for note in update.notes[:20])
    if not update.held_back:
        why = "every direct dependency is at its newest release that is old enough"
        why = "the packages that are not named above are left as they are" if update.partial else why
        return f"### Held back\n\nNothing: {why}.{notes}"
    rows: list[tuple[str, ...]] = [
        (_code(held.name), harmless(held.current), harmless(held.latest), harmless(held.reason[:300]))
        for held in update.held_back
    ]
    return f"### Held back\n\n{table(('package', 'stays at', 'newest', 'because'), rows[:100])}\n{notes}"


def _advice(told: Advice) -> str:
    """What speaks against the new lock, and what came of checking for advisories."""
    parts = advice.found(told.rows, told.checked)
    return "\n\n".join(("### Advice", *parts)) if parts else ""


def _derivation(update: UpdateText) -> str:
    return (
        "<details><summary>How this was derived</summary>\n\n"
        f"- from commit `{update.base_sha}`, as of {update.as_of.isoformat(timespec='seconds')}, "
        f"for Python {update.python or 'as the lock has it'}\n"
        f"- releases younger than {count(update.cooldown_days, 'day')} are left to ripen{_but(update.exempt)}; "
        "yanked ones never count\n"
        f"- resolver {update.resolver}, with the old lock as preference\n"
        f"- sha256 of the new lock `{update.lock_sha256}`\n"
        f"- {SNAPSHOT}\n"
        "\n</details>"
    )


def _but(exempt: frozenset[str]) -> str:
    return f", but not those of {', '.join(map(_code, sorted(exempt)[:20]))}, which mend advisories" if exempt else ""
