"""What the adviser found, as a comment."""

from bot.core.advice import Recommendation, Row
from bot.core.texts.markdown import bounded, count, harmless, table

_HEAD = ("", "package", "what", "source", "as of")
_SIGNS = {"ERROR": "❌", "WARNING": "⚠️", "INFO": "ℹ️"}
_MOST_ROWS = 100
_RANKS = ("ERROR", "WARNING", "INFO")


def comment(told: Recommendation, environment: str) -> str:
    """The whole answer to `/advise`: verdict, rows with the gravest first, what was checked."""
    parts = [f"**Advice for {harmless(environment)}** ({told.type}): {verdict(told)}"]
    return bounded("\n\n".join((*parts, *found(told.rows, told.checked))))


def found(told: tuple[Row, ...], checked: str) -> tuple[str, ...]:
    """The table of rows, and below it what came of checking for advisories, which is said once."""
    shown = tuple(row for row in told if row.message != checked)
    return (*([rows(shown)] if shown else []), *([harmless(checked)] if checked else []))


def verdict(told: Recommendation, taken: str = "`/update` proposes it") -> str:
    """One sentence: how many rows of which kind, and whether another lock is better, and how it is `taken`."""
    kinds = [(kind.lower(), sum(row.type == kind for row in told.rows)) for kind in _RANKS]
    said = ", ".join(count(number, kind if kind != "info" else "note") for kind, number in kinds if number)
    if told.score is None:
        better = f"nothing is locked yet; the best lock has the score {told.proposed_score:.3f}; {taken}"
    elif told.resolution:
        better = f"another lock is better (score {told.proposed_score:.3f} instead of {told.score:.3f}); {taken}"
    else:
        better = f"no other lock is better (score {told.score:.3f})"
    return f"{said or 'nothing to say'}; {better}."


def rows(told: tuple[Row, ...]) -> str:
    """Justification rows as a table, the gravest first."""
    ordered = sorted(told, key=lambda row: (_RANKS.index(row.type), row.package))
    lines = [_cells(row) for row in ordered[:_MOST_ROWS]]
    left = len(ordered) - len(lines)
    return table(_HEAD, lines) + (
        f"\n\n… and {count(left, 'row')} more: `python -m bot advise` shows all." if left else ""
    )


def _cells(row: Row) -> tuple[str, ...]:
    link = f" [↗]({row.link})" if row.link.startswith("https://") and _is_plain(row.link) else ""
    return (_SIGNS[row.type], harmless(row.package), harmless(row.message[:400]) + link, harmless(row.source), row.date)


def _is_plain(link: str) -> bool:
    """Whether a link cannot end its own Markdown."""
    return link.isascii() and len(link) < 300 and not set(link) & set(" ()<>[]|\\\"'`")
