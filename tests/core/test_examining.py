"""Orders and answers of examinations elsewhere: what comes back is what was said, and a forged answer is none."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.core.evidence import (
    Accuracy,
    Examination,
    Failure,
    Latency,
    NotExamined,
    Recipe,
    ServiceRecipe,
    ServiceResult,
    TrainingRecipe,
    TrainingResult,
)
from bot.core.examining import MOST_BYTES, Answer, NotAnAnswer, Order, read_answer, read_order, render

SERVICE = ServiceResult("GET /readyz answered 200", Latency(2.0, 5.0, 200), 0.5, 60.0, 140.0)
TRAINING = TrainingResult(Accuracy(0.99, (0.98, 1.0), 10_000), 20.0, 30.0, 800.0, 2000.0)
WORKS = Examination(SERVICE, TRAINING, "pod", "a" * 64, 60.0)
FAILS = Examination(
    Failure("import", "Importing `flask` failed.", "ImportError", "flask"), NotExamined("None."), "pod", "b" * 64, 2.0
)
ANSWER = Answer("3.11.2", WORKS, FAILS)


def spoiled(change: Callable[[dict[str, Any]], object]) -> bytes:
    """The answer's document, in which something was put in the place of something else."""
    document = json.loads(render(ANSWER))
    change(document["value"])
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(None, None),
        Recipe(TrainingRecipe(train=("python", "train.py")), ServiceRecipe(wsgi="app:create_app()", ready="/readyz")),
    ],
)
def test_an_order_is_read_as_it_was_given(recipe: Recipe) -> None:
    order = Order("{}", '{"default": {}}' + " " * 600_000, recipe)
    assert read_order(render(order)) == order


def test_an_answer_is_read_as_it_was_given() -> None:
    assert read_answer(render(ANSWER)) == ANSWER
    plain = replace(WORKS, service=replace(SERVICE, predictions=NotExamined("No digit.")), training=NotExamined("No."))
    unseen = Answer("3.12.0rc1", plain, replace(FAILS, training=replace(TRAINING, accuracy=NotExamined("No."))))
    assert read_answer(render(unseen)) == unseen


@pytest.mark.parametrize(("claimed", "told"), [("bubblewrap", "pod"), ("process", "pod"), ("", "")])
def test_what_a_pod_claims_of_its_isolation_does_not_count(claimed: str, told: str) -> None:
    assert read_answer(render(replace(ANSWER, before=replace(WORKS, isolation=claimed)))).before.isolation == told


FORGED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another kind": (lambda told: told["before"].update({"$": "Verdict"}), "Answer.before is no Examination"),
    "a word for a part": (lambda told: told["before"].update(service="safe"), "Answer.before.service is not"),
    "a part that cannot stand there": (
        lambda told: told["before"].update(service=told["before"]["training"]),
        "Answer.before.service is not what it should be",
    ),
    "nothing for a part": (lambda told: told["before"].update(service=None), "Answer.before.service is not"),
    "one key more": (lambda told: told["after"].update(verdict="safe"), "Answer.after is no Examination"),
    "one key less": (lambda told: told["after"].pop("seconds"), "Answer.after is no Examination"),
    "a text for a figure": (lambda told: told["after"].update(seconds="1"), "Answer.after.seconds is not"),
    "truth for a figure": (lambda told: told["after"].update(seconds=True), "Answer.after.seconds is not"),
    "infinity": (lambda told: told["after"].update(seconds=float("inf")), "Answer.after.seconds is not"),
    "no number": (lambda told: told["after"].update(seconds=float("nan")), "Answer.after.seconds is not"),
    "less than nothing": (lambda told: told["after"].update(seconds=-1), "Answer.after.seconds is not"),
    "a share of a request": (
        lambda told: told["before"]["service"]["predictions"].update(n=0.5),
        "Answer.before.service.predictions.n is not",
    ),
    "a phase that is none": (
        lambda told: told["after"]["service"].update(phase="merge"),
        "Answer.after.service.phase is not",
    ),
    "a word for a flag": (
        lambda told: told["after"]["service"].update(inconclusive="yes"),
        "Answer.after.service.inconclusive is not",
    ),
    "a culprit that is none": (
        lambda told: told["after"]["service"].update(culprit=["flask"]),
        "Answer.after.service.culprit is not",
    ),
    "a text without end": (
        lambda told: told["after"]["service"].update(log_tail="x" * 100_000),
        "Answer.after.service.log_tail is not",
    ),
    "half a character": (
        lambda told: told["after"]["service"].update(sentence="\ud800"),
        "Answer.after.service.sentence is not",
    ),
    "no list": (
        lambda told: told["before"]["training"]["accuracy"].update(per_class_recall=[1.0]),
        "per_class_recall is no list",
    ),
    "a list without end": (
        lambda told: told["before"]["training"]["accuracy"]["per_class_recall"].update(value=[1.0] * 1001),
        "per_class_recall is no list of at most 1000",
    ),
    "more than all": (
        lambda told: told["before"]["training"]["accuracy"].update(accuracy=1.5),
        "no share from 0 to 1",
    ),
    "more than all of a class": (
        lambda told: told["before"]["training"]["accuracy"]["per_class_recall"].update(value=[0.5, 2]),
        "no share from 0 to 1",
    ),
    "no sum": (lambda told: told["before"].update(packages="today"), "no sha256"),
    "no version": (lambda told: told.update(python="3.11.2 <script>"), "no version"),
}


@pytest.mark.parametrize(("change", "said"), FORGED.values(), ids=FORGED.keys())
def test_a_forged_answer_is_none(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(NotAnAnswer, match=said):
        read_answer(spoiled(change))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "not of format 1"),
        (b'{"format": 2, "value": {}}', "not of format 1"),
        (b'{"format": 1, "value": {}, "more": 1}', "not of format 1"),
        (b'{"format": 1, "value": 7}', "Answer is no Answer"),
        (b" " * (MOST_BYTES + 1), "larger than"),
    ],
)
def test_what_is_no_document_of_ours_is_no_answer(content: bytes, said: str) -> None:
    with pytest.raises(NotAnAnswer, match=said):
        read_answer(content)
