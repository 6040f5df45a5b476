"""What becomes of a job that raised: a decision from the exception and the number of attempts before."""

from dataclasses import dataclass

from bot.core.errors import Refused, TryLater
from bot.core.ports import ForgeRefused, ForgeUnavailable, HeadMoved

MOST_ATTEMPTS = 5
"""A job that has failed so often, for a reason nobody foresaw, is parked."""
MOST_LOST = 20
"""A job during which the worker has died so often is parked, whether or not it was to blame."""
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

    A refusal ends it; an outage, or a branch that does not stand still, is waited out however long it lasts; a bug
    gets five attempts, ever further apart.
    """
    match problem:
        case Refused():
            return Finish(f"refused: {problem}")
        case TryLater() | ForgeUnavailable():
            return Postpone(min(max(problem.after, _SHORTEST), _LONGEST), f"later: {problem}")
        case HeadMoved():
            return Postpone(min(2.0 ** min(attempts, 10), _PAUSES[2]), f"the branch moved: {problem}")
        case ForgeRefused():
            return Park(f"GitHub refused: {problem}")
    if attempts + 1 >= MOST_ATTEMPTS:
        return Park(f"{type(problem).__name__}: {problem}", unexpected=True)
    return Postpone(_PAUSES[attempts], f"{type(problem).__name__}: {problem}", unexpected=True)


def despair(lost: int) -> Park | None:
    """Why a job is not begun once more, after so many leases that ran out; None where it is."""
    if lost < MOST_LOST:
        return None
    return Park(f"the worker died {lost} times while this was under way; see its log and memory")
