"""Calendar versions: patterns such as YYYY.MM.DD, and the versions of a day by them.

PEP 440 drops leading zeros, so that a tag 2026.01.05 and the package 2026.1.5 would be two names of one version:
the patterns have no padded parts.
"""

from collections.abc import Iterator, Sequence
from datetime import date

DEFAULT = "YYYY.MM.DD"
PATTERN = r"YY(YY)?(\.MM(\.DD)?|\.WW)?(\.MICRO)?"
"""The form of a pattern: its parts rise day by day."""
_COUNTER = "MICRO"
_MOST = 1_000  # versions of one day
_SPANS = {"YYYY": (1900, 9999), "YY": (1, 99), "MM": (1, 12), "WW": (1, 53), "DD": (1, 31), _COUNTER: (0, 10**9)}


def versions(pattern: str, day: date) -> Iterator[str]:
    """The versions of that day, rising: the counter counts where there is one, else a number is appended."""
    year, week, _ = day.isocalendar()
    parts = pattern.split(".")
    shown = year if "WW" in parts else day.year
    values = {"YYYY": shown, "YY": shown % 100, "MM": day.month, "WW": week, "DD": day.day}
    stem = ".".join(str(values[part]) for part in parts if part != _COUNTER)
    if _COUNTER not in parts:
        yield stem
    for number in range(0 if _COUNTER in parts else 1, _MOST):
        yield f"{stem}.{number}"


def is_of(numbers: Sequence[int], pattern: str) -> bool:
    """Whether a version with these numbers is one by the pattern, or plainly begins with a year."""
    if numbers[0] >= _SPANS["YYYY"][0]:
        return True
    parts = pattern.split(".")
    if parts[0] != "YY" or len(numbers) < len(parts):
        return False
    return all(
        low <= number <= high for number, (low, high) in zip(numbers, map(_SPANS.__getitem__, parts), strict=False)
    )
