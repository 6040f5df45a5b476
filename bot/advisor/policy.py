"""Recommendation types: what each weighs, and how far it goes. `docs/advice.md` has the same formulas in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.core.advice import RecommendationType


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
    """A type: `prereleases` admits them, `minimal` moves only what is unsafe."""

    type: RecommendationType
    weights: Weights
    prereleases: bool
    minimal: bool


POLICIES: Mapping[RecommendationType, Policy] = {
    policy.type: policy
    for policy in (
        Policy("latest", Weights(1.0, 0.0, 0.5, 0.0, 0.5), prereleases=False, minimal=False),
        Policy("stable", Weights(0.4, 0.6, 1.0, 0.0, 1.0), prereleases=False, minimal=False),
        Policy("performance", Weights(0.3, 0.2, 1.0, 0.5, 1.5), prereleases=False, minimal=False),
        Policy("security", Weights(0.1, 0.1, 2.0, 0.0, 0.5), prereleases=False, minimal=True),
        Policy("testing", Weights(1.0, 0.0, 0.5, 0.0, 0.5), prereleases=True, minimal=False),
    )
}
