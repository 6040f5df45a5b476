import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import score

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
