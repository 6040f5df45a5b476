"""What becomes of a job that raised: a decision from the exception and the number of attempts before."""

from dataclasses import dataclass

from bot.core.errors import Refused, TryLater
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved

MOST_ATTEMPTS = 5
"""A job that has failed so often, for a reason nobody foresaw, is parked."""
_PAUSES = (2.0, 10.0, 60.0, 300.0)
_SHORTEST, _LONGEST = 0.0, 3600.0


@dataclass(frozen=True, slots=True)
class Finish:
    """The job is done."""

    note: str
    unexpected: bool = False


@dataclass(frozen=True, slots=True)
class Postpone:
    """Again after so many seconds; `unexpected`: its traceback belongs in the log."""

    after: float
    note: str
    unexpected: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Set aside until a person looks."""

    note: str
    unexpected: bool = False


def retry(problem: BaseException, attempts: int) -> Finish | Postpone | Park:
    """What becomes of a job that raised this after so many attempts before.

    A refusal ends it; an outage is waited out however long it lasts; a bug gets five attempts, ever further apart.
    """
    match problem:
        case Refused():
            return Finish(f"refused: {problem}")
        case TryLater() | ForgeUnavailable():
            return Postpone(min(max(problem.after, _SHORTEST), _LONGEST), f"later: {problem}")
        case HeadMoved() if attempts + 1 < MOST_ATTEMPTS:
            return Postpone(1.0, f"the branch moved: {problem}")
        case ForgeRefused():
            return Park(f"GitHub refused: {problem}")
    if attempts + 1 >= MOST_ATTEMPTS:
        return Park(f"{type(problem).__name__}: {problem}", unexpected=True)
    return Postpone(_PAUSES[attempts], f"{type(problem).__name__}: {problem}", unexpected=True)
