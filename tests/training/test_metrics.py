import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import BINS, Pairs, calibration, pair, score

digits = st.integers(0, 9)
answers = st.lists(st.tuples(digits, digits), min_size=1, max_size=200)


@given(answers)
def test_every_example_is_counted_once(pairs: list[tuple[int, int]]) -> None:
    labels, predictions = np.array(pairs).T
    result = score(labels, predictions)
    assert result.examples == len(pairs)
    assert result.accuracy == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    for label, prediction in set(pairs):
        assert result.confusion[label][prediction] == pairs.count((label, prediction))


@given(answers, st.randoms())
def test_the_order_of_the_examples_does_not_matter(pairs: list[tuple[int, int]], random: "np.random.Generator") -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    assert score(*np.array(pairs).T) == score(*np.array(shuffled).T)


@given(answers)
def test_accuracy_is_the_recalls_weighted_by_their_digits(pairs: list[tuple[int, int]]) -> None:
    result = score(*np.array(pairs).T)
    weights = [sum(row) / result.examples for row in result.confusion]
    assert result.accuracy == pytest.approx(float(np.dot(weights, result.per_class_recall)))


def test_a_digit_without_examples_has_recall_nought_and_lengths_must_match() -> None:
    assert score(np.array([3]), np.array([3])).per_class_recall == (0, 0, 0, 1, 0, 0, 0, 0, 0, 0)
    assert score(np.array([], dtype=int), np.array([], dtype=int)).accuracy == 0
    with pytest.raises(ValueError, match="labels but"):
        score(np.array([1, 2]), np.array([1]))


confident = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=1, max_size=200)


@given(confident)
def test_every_answer_is_in_one_bin_and_the_error_is_a_share(answers: list[tuple[bool, float]]) -> None:
    right, confidence = np.array([one for one, _ in answers]), np.array([other for _, other in answers])
    found = calibration(right, confidence)
    assert sum(place.examples for place in found.bins) == len(answers)
    assert 0 <= found.expected_error <= 1 + 1e-9
    for place in found.bins:
        assert place.low - 1e-9 <= place.confidence <= place.high + 1e-9
        assert place.high - place.low == pytest.approx(1 / BINS)


def test_who_is_as_sure_as_right_is_calibrated_and_who_boasts_is_not() -> None:
    right = np.array([True] * 8 + [False] * 2)
    assert calibration(right, np.full(10, 0.8)).expected_error == pytest.approx(0)
    assert calibration(right, np.full(10, 1.0)).expected_error == pytest.approx(0.2)
    assert calibration(np.array([], dtype=bool), np.array([])).expected_error == 0


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=100))
def test_pairs_count_what_only_one_has_right(answers: list[tuple[bool, bool]]) -> None:
    candidate, production = (
        np.array(side, dtype=bool) for side in (zip(*answers, strict=True) if answers else ([], []))
    )
    found = pair(candidate, production)
    assert (found.lost, found.won) == (answers.count((False, True)), answers.count((True, False)))
    assert 0 < found.p_value <= 1
    assert found.won - found.lost == int(candidate.sum()) - int(production.sum())


def test_mcnemars_p_is_the_binomial_tail() -> None:
    assert Pairs(0, 0).p_value == 1
    assert Pairs(0, 9).p_value == 1
    assert Pairs(3, 0).p_value == 1 / 8
    assert Pairs(2, 1).p_value == 1 / 2
    assert Pairs(8, 2).p_value == pytest.approx((45 + 10 + 1) / 1024)
    assert 0 < Pairs(900, 700).p_value < 1e-6
    with pytest.raises(ValueError, match="answers beside"):
        pair(np.array([True]), np.array([True, False]))
