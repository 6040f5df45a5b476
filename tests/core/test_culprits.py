"""The search for what does not work: it finds what is planted, and says what it needs to know."""

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.culprits import Found, GaveUp, Parts, Try, step

PARTS = tuple("abcdefgh")


def search(
    works: Callable[[Parts], bool], parts: tuple[str, ...] = PARTS, most: int = 12
) -> tuple[Found | GaveUp, int]:
    """What comes out when each question is answered, and how many were asked."""
    tried: dict[Parts, bool] = {}
    while isinstance(found := step(parts, tried, most), Try):
        assert found.parts not in tried
        tried[found.parts] = works(found.parts)
    return found, len(tried)


@pytest.mark.parametrize("culprit", PARTS)
def test_one_culprit_is_found_in_few_examinations(culprit: str) -> None:
    found, asked = search(lambda parts: culprit not in parts)
    assert found == Found(((culprit, ""),), frozenset(PARTS) - {culprit})
    assert asked <= 5


@given(st.sampled_from(PARTS), st.sampled_from(PARTS))
def test_a_pair_that_does_not_go_together_is_named(one: str, other: str) -> None:
    first, second = sorted((one, other))
    found, asked = search(lambda parts: not {one, other} <= parts)
    assert isinstance(found, Found)
    assert found.culprits == (((second, first),) if one != other else ((one, ""),))
    assert asked <= 9


@given(st.sets(st.sampled_from(PARTS), min_size=1, max_size=3))
def test_whatever_is_planted_the_rest_works(culprits: set[str]) -> None:
    found, _ = search(lambda parts: not culprits & parts, most=50)
    assert isinstance(found, Found)
    assert {name for name, _ in found.culprits} == culprits
    assert found.rest == frozenset(PARTS) - culprits


@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_it_ends_whatever_the_answers(chance: Random, most: int) -> None:
    found, asked = search(lambda _: chance.random() < 0.5, most=most)
    assert asked <= most
    assert isinstance(found, Found | GaveUp)


def test_a_single_part_is_the_culprit_itself() -> None:
    assert search(lambda _: False, ("a",)) == (Found((("a", ""),), frozenset()), 0)
    assert search(lambda _: False, ("a", "b"), most=0)[0] == GaveUp()
