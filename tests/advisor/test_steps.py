"""Scores: each step by its formula, and what the recommendation types prefer."""

import pytest

from bot.advisor import sieves, steps
from bot.advisor.knowledge import Stack
from bot.advisor.policy import POLICIES
from bot.advisor.sieves import Candidate
from bot.core.advice import TYPES, RecommendationType
from tests.advisor.scenes import knowledge

ADVISORY = {
    "id": "PYSEC-1",
    "affected": [{"package": {"ecosystem": "PyPI", "name": "lib"}, "versions": ["1.0"]}],
}
STEP = {
    "name": "Fast",
    "type": "step",
    "should_include": {"adviser_pipeline": True},
    "match": {"package_version": {"name": "lib", "version": ">=1.1"}},
    "run": {"score": 0.4},
}
INDEX = {
    "lib": {
        "1.0": {"day": "2026-11-13", "tag": "cp311-cp311-manylinux_2_17_x86_64"},
        "1.1": {"day": "2026-11-14"},
        "2.0": {"day": ""},
        "2.1a1": {},
        "0.1": {"yanked": True},
    }
}
KNOWN = knowledge({"index": INDEX, "advisories": [ADVISORY], "rules": {"steps": [STEP]}})


def score(version: str, kind: RecommendationType = "stable") -> steps.Score:
    return steps.score(Stack({"lib": version}, frozenset()), KNOWN, POLICIES[kind])


def test_each_step_is_its_formula() -> None:
    old = score("1.0")
    assert (old.freshness, old.maturity, old.safety, old.platform, old.rules) == (0.333333, 0.111111, -0.5, 1.0, 0.0)
    assert score("1.0").total == pytest.approx(0.4 / 3 + 0.6 / 9 - 0.5, abs=1e-5)
    assert (score("2.0").freshness, score("2.0").maturity, score("2.0").rules) == (1.0, 0.0, 0.4)
    assert score("0.1").safety == -1.0
    assert score("9.9") == steps.Score(0.4, 0.0, 0.0, 0.0, 0.0, 0.4)
    assert steps.score(Stack({}, frozenset()), KNOWN, POLICIES["latest"]).total == 0.0


def test_every_type_has_a_policy_and_its_own_preference() -> None:
    assert set(POLICIES) == set(TYPES)
    assert score("2.0", "latest").total > score("1.1", "latest").total
    assert score("1.1", "security").total > score("1.0", "security").total
    assert score("1.0", "performance").platform * POLICIES["performance"].weights.platform > 0


def test_a_candidate_from_another_index_is_held_back() -> None:
    strayed = sieves.candidate("lib", "1.1", KNOWN, "https://elsewhere.example.org/simple")
    held = sieves.sift(strayed, KNOWN, POLICIES["stable"])
    assert held is not None
    assert held.sieve == "wrong index"
    assert sieves.sift(Candidate("unread", "1", (), ""), KNOWN, POLICIES["stable"]) is None
    assert sieves.suspects({"lib": "1.0"}, KNOWN) == {"lib"}
    assert sieves.suspects({"lib": "1.1", "x": "1"}, KNOWN) == {"lib"}
    assert sieves.newer("lib", "no version", KNOWN) == ("0.1", "1.0", "1.1", "2.0")
