"""What the adviser says of a lock: justification rows, fixes, recommendations; and the port that gives them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    from bot.core.packages import Resolution, ResolveRequest
    from bot.core.steering import Ignored

RowType = Literal["INFO", "WARNING", "ERROR"]
RecommendationType = Literal["latest", "stable", "performance", "security", "testing"]
TYPES: tuple[RecommendationType, ...] = get_args(RecommendationType)


@dataclass(frozen=True, slots=True)
class Row:
    """One justification in Thoth's shape: what is said of which package, where it is from and of which day."""

    type: RowType
    message: str
    link: str
    package: str
    source: str
    date: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What is said of a resolution: rows, what checking for advisories came to, why packages moved for safety."""

    rows: tuple[Row, ...] = ()
    checked: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fix:
    """A locked package with advisories: the smallest usable version that none affects, empty where there is none."""

    package: str
    current: str
    minimum: str
    advisories: tuple[str, ...]
    reason: str
    link: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Today's lock and the best of those considered, with their scores; `resolution` is None where today's is best.

    `score` is None where nothing is locked today.
    """

    type: RecommendationType
    rows: tuple[Row, ...]
    checked: str
    score: float | None
    proposed_score: float
    resolution: "Resolution | None"


class Adviser(Protocol):
    """Advice on what a request's old lock holds; raises what the resolver and the index raise."""

    async def recommend(self, request: "ResolveRequest") -> Recommendation:
        """The rows for the old lock, and the lock that the request's recommendation type prefers."""
        ...

    async def fixes(self, request: "ResolveRequest") -> tuple[Fix, ...]:
        """The packages of the old lock that need another version for safety."""
        ...

    async def explain(
        self, request: "ResolveRequest", name: str, ignored: tuple["Ignored", ...] = ()
    ) -> tuple[str, ...]:
        """Sentences that say why the package is locked as it is; raises Refused where the lock does not have it.

        `ignored` is what the owner wants ignored now.
        """
        ...
