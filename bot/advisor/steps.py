"""Score steps: how a lock fares in freshness, maturity, safety, platform and rules; docs/advice.md has the formulas."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.advisor.knowledge import Knowledge, Stack
from bot.advisor.policy import Policy
from bot.advisor.prescriptions import applied, includes
from bot.advisor.sieves import Candidate, candidate, newer
from bot.core.advisories import affects
from bot.core.candidates import fits_tags

MATURE_DAYS = 90.0


@dataclass(frozen=True, slots=True)
class Score:
    """The weighted total and its parts: means over the packages, for rules the sum of their scores."""

    total: float
    freshness: float
    maturity: float
    safety: float
    platform: float
    rules: float


def score(stack: Stack, knowledge: Knowledge, policy: Policy) -> Score:
    """What a lock is worth under a policy; the empty lock is worth nothing."""
    candidates = [candidate(name, version, knowledge) for name, version in sorted(stack.pins.items())]
    freshness, maturity, safety, platform = (_mean(step, candidates, knowledge) for step in _STEPS)
    rules = _rules(stack, knowledge, policy)
    weights = policy.weights
    total = (
        weights.freshness * freshness
        + weights.maturity * maturity
        + weights.safety * safety
        + weights.platform * platform
        + weights.rules * rules
    )
    return Score(round(total, 6), freshness, maturity, safety, platform, rules)


def _mean(step: Callable[[Candidate, Knowledge], float], candidates: list[Candidate], knowledge: Knowledge) -> float:
    return round(sum(step(one, knowledge) for one in candidates) / max(1, len(candidates)), 6)


def _freshness(one: Candidate, knowledge: Knowledge) -> float:
    """1 for the newest final release, 1/2 for the one before, 1/3 …; 0 where the index has no page."""
    return 1 / (1 + len(newer(one.name, one.version, knowledge))) if one.files else 0.0


def _maturity(one: Candidate, knowledge: Knowledge) -> float:
    """The age of the release in days over 90, at most 1; 0 where the index does not tell it."""
    times = [file.upload_time for file in one.files if file.upload_time]
    days = (knowledge.as_of - min(times)).total_seconds() / 86_400 if times else 0.0
    return min(1.0, max(0.0, days / MATURE_DAYS))


def _safety(one: Candidate, knowledge: Knowledge) -> float:
    """0 for a release without known faults, else halfway to -1 with each advisory; -1 for a yanked one."""
    if one.files and all(file.yanked for file in one.files):
        return -1.0
    faults = sum(affects(advisory, one.name, one.version) for advisory in knowledge.about(one.name))
    return -(1 - 0.5**faults)


def _platform(one: Candidate, knowledge: Knowledge) -> float:
    """1 where a wheel is built for the platform, 0 where the only one that fits is for any."""
    fitting = (file.filename for file in one.files if fits_tags(file.filename, knowledge.target.tags))
    return float(any(not filename.endswith("-any.whl") for filename in fitting if filename.endswith(".whl")))


def _rules(stack: Stack, knowledge: Knowledge, policy: Policy) -> float:
    """The sum of the scores of the step units that apply, from -1 to 1."""
    steps = [unit for unit in knowledge.rules if unit.kind == "step" and unit.score]
    total = sum(
        unit.score
        for unit in steps
        if includes(unit.include, policy.type, knowledge.target.python)
        and applied(unit, stack.pins, knowledge.homes) is not None
    )
    return max(-1.0, min(1.0, total))


_STEPS = (_freshness, _maturity, _safety, _platform)
