"""The search for what does not work, in words: its check run, and the comment with what was found."""

from collections.abc import Mapping

from bot.core.changes import Change
from bot.core.culprits import MOST, Found
from bot.core.events import Tried
from bot.core.texts.markdown import bounded, count, harmless, quoting, table

CHECK = "Bolide bisect"
KEY = "bisected"
BEGUN = "The change is taken apart, one examination after another; the check run shows them, a comment what is found."
_SENTENCE = 500


def progress(tried: tuple[Tried, ...]) -> str:
    """Where the search stands, in one line."""
    return f"Examination {len(tried)} of at most {MOST} {'works' if tried[-1].works else 'does not work'}"


def history(tried: tuple[Tried, ...]) -> str:
    """Each examination: which updates, and what came of it."""
    rows: list[tuple[str, ...]] = [
        (str(number), _names(one.names), "works" if one.works else "does not work", harmless(one.said[:_SENTENCE]))
        for number, one in enumerate(tried, start=1)
    ]
    return bounded(table(("", "updates", "", "what was seen"), rows)) if rows else "Nothing was examined."


def _names(names: frozenset[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - 12} more" if len(shown) > 12 else ""
    return ", ".join(map(harmless, shown[:12])) + more


def title(found: Found) -> str:
    """The culprits in one line."""
    return f"Does not work: {', '.join(name for name, _ in found.culprits)}"


def why(culprit: str, tried: tuple[Tried, ...]) -> str:
    """What was seen with the culprit in the smallest part that failed with it; empty where none was tried by itself."""
    failed = [one for one in tried if culprit in one.names and not one.works]
    return min(failed, key=lambda one: len(one.names)).said if failed else ""


def found(result: Found, tried: tuple[Tried, ...], updates: Mapping[str, Change]) -> str:
    """The comment: each culprit with its partner and the reason, and what the pull request goes on with."""
    lines = []
    for name, partner in result.culprits:
        beside = f", where {_moved(updates[partner])} is too" if partner else ""
        reason = f": {quoting(why(name, tried)[:_SENTENCE])}" if why(name, tried) else "."
        lines.append(f"- **{_moved(updates[name])}** does not work{beside}{reason}")
    rest = f"The other {count(len(result.rest), 'update')} together work" if result.rest else "No update works"
    after = (
        f"{rest}, as {count(len(tried), 'examination')} showed. What does not work is noted on the dashboard and held "
        "back until there is a newer version, or until `/unignore`."
    )
    return "\n".join((*lines, "", after))


def _moved(change: Change) -> str:
    return f"{harmless(change.name)} {harmless(change.old)} → {harmless(change.new)}"
