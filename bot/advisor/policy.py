"""Recommendation types: what each weighs, and how far it goes. `docs/advice.md` has the same formulas in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

RecommendationType = Literal["latest", "stable", "performance", "security", "testing"]
TYPES: tuple[RecommendationType, ...] = get_args(RecommendationType)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each score step counts."""

    freshness: float
    maturity: float
    safety: float
    platform: float
    rules: float


@dataclass(frozen=True, slots=True)
class Policy:
    """A type: `cooldown` heeds the project's, `prereleases` admits them, `minimal` moves only what is unsafe."""

    type: RecommendationType
    weights: Weights
    cooldown: bool
    prereleases: bool
    minimal: bool


POLICIES: Mapping[str, Policy] = {
    policy.type: policy
    for policy in (
        Policy("latest", Weights(1.0, 0.0, 0.5, 0.0, 0.5), cooldown=False, prereleases=False, minimal=False),
        Policy("stable", Weights(0.4, 0.6, 1.0, 0.0, 1.0), cooldown=True, prereleases=False, minimal=False),
        Policy("performance", Weights(0.3, 0.2, 1.0, 0.5, 1.5), cooldown=True, prereleases=False, minimal=False),
        Policy("security", Weights(0.1, 0.1, 2.0, 0.0, 0.5), cooldown=True, prereleases=False, minimal=True),
        Policy("testing", Weights(1.0, 0.0, 0.5, 0.0, 0.5), cooldown=False, prereleases=True, minimal=False),
    )
}
