"""`rules`: what prescriptions come to, and whether each of Bolide's own is proven."""

import sys
from datetime import date
from pathlib import Path

from bot.adapters.rules import OWN, load
from bot.advisor.lint import problems
from bot.core.texts.markdown import count


def main(place: Path | None, today: date) -> int:
    """Print what was read, what was not understood and what is wrong; exit status 1 where anything is wrong."""
    try:
        book = load(place or OWN)
    except OSError as problem:
        print(f"No rules were read: {problem}", file=sys.stderr)
        return 2
    wrong = problems(book.units, today, own=place is None)
    for remark in book.remarks:
        print(f"note: {remark}")
    for sentence in wrong:
        print(f"wrong: {sentence}")
    print(f"{count(len(book.units), 'unit')}, {count(len(wrong), 'problem')}, {count(len(book.remarks), 'note')}.")
    return 1 if wrong else 0
