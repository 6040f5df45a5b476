"""The update pull request: title, body and the commit's message."""

from dataclasses import dataclass
from datetime import date, datetime

from bot.core.changes import Change
from bot.core.packages import HeldBack
from bot.core.texts.markdown import bounded, count, harmless, section, table
from bot.core.versions import is_major_update

BRANCH = "bolide/update"
WAITING = (
    "⏳ **Evidence is being gathered**: both locks are installed in isolation, the service boots, the model trains."
)
STEER = (
    "### How to steer\n\nComment `/update` to have this made anew, `/help` for every command. "
    "A commit of yours on this branch stops Bolide from touching it; closing the pull request declines it."
)
MEASURING = "### Evidence\n\nBeing measured; this text is replaced by the figures."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a package moved: who wants it, and when the new version was released (None: the index does not say)."""

    why: str
    released: date | None


@dataclass(frozen=True, slots=True)
class UpdateText:
    """What the pull request says of an update; `changes` and `reasons` belong together by name."""

    changes: tuple[Change, ...]
    reasons: dict[str, Reason]
    held_back: tuple[HeldBack, ...]
    notes: tuple[str, ...]
    base_sha: str
    lock_sha256: str
    python: str
    cooldown_days: int
    resolver: str
    as_of: datetime


def title(changes: tuple[Change, ...]) -> str:
    """How many packages change, and in which category where it is one; a single package by its name."""
    direct = len({change.name for change in changes if change.direct})
    transitive = len({change.name for change in changes} - {change.name for change in changes if change.direct})
    places = {place for change in changes for place in change.categories}
    where = f" ({places.pop()})" if len(places) == 1 else ""
    if len(changes) == 1 and changes[0].kind in ("updated", "downgraded"):
        return f"Update {changes[0].name} from {changes[0].old} to {changes[0].new}{where}"
    parts = [f"{number} {word}" for number, word in ((direct, "direct"), (transitive, "transitive")) if number]
    noun = "dependency" if direct + transitive == 1 else "dependencies"
    return f"Update {' and '.join(parts)} {noun}{where}"


def message(update: UpdateText) -> str:
    """The commit's message: the title, then one line for each package."""
    lines = [f"- {change.name} {change.old or '(new)'} → {change.new or '(gone)'}" for change in update.changes]
    return f"{title(update.changes)}\n\n" + "\n".join(lines)


def body(update: UpdateText) -> str:
    """The pull request's body; verdict and evidence stand in sections that are replaced when they are known."""
    parts = [
        section("verdict", WAITING),
        f"### What changed\n\n{_changes(update)}",
        section("evidence", MEASURING),
        _held_back(update),
        STEER,
        _derivation(update),
    ]
    return bounded("\n\n".join(part for part in parts if part))


def _changes(update: UpdateText) -> str:
    rows = []
    for change in sorted(update.changes, key=lambda item: (not item.direct, item.name)):
        reason = update.reasons.get(change.name, Reason("", None))
        rows.append(
            (
                f"`{change.name}`{' **direct**' if change.direct else ''}",
                change.old or "–",
                change.new or "–",
                reason.released.isoformat() if reason.released else "unknown",
                _risk(change),
                harmless(reason.why),
                ", ".join(change.categories),
            )
        )
    return table(("package", "from", "to", "released", "step", "why", "in"), rows)


def _risk(change: Change) -> str:
    if change.old and change.new:
        return ("major" if is_major_update(change.old, change.new) else "minor") if change.kind == "updated" else "down"
    return change.kind


def _held_back(update: UpdateText) -> str:
    notes = "".join(f"\n- {harmless(note)}" for note in update.notes)
    if not update.held_back:
        return f"### Held back\n\nNothing: every direct dependency is at its newest release that is old enough.{notes}"
    rows = [(f"`{held.name}`", held.current, held.latest, harmless(held.reason)) for held in update.held_back]
    return f"### Held back\n\n{table(('package', 'stays at', 'newest', 'because'), rows)}\n{notes}"


def _derivation(update: UpdateText) -> str:
    return (
        "<details><summary>How this was derived</summary>\n\n"
        f"- from commit `{update.base_sha}`, as of {update.as_of.isoformat(timespec='seconds')}, "
        f"for Python {update.python or 'as the lock has it'}\n"
        f"- releases younger than {count(update.cooldown_days, 'day')} are left to ripen; yanked ones never count\n"
        f"- resolver {update.resolver}, with the old lock as preference\n"
        f"- sha256 of the new lock `{update.lock_sha256}`\n"
        "\n</details>"
    )
