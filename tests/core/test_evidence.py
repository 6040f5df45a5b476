from dataclasses import replace

import pytest

from bot.core.evidence import (
    Accuracy,
    Examination,
    Failure,
    Latency,
    NotExamined,
    ServiceResult,
    TrainingResult,
    verdict,
)

LATENCY = Latency(2.0, 5.0, 200)
SERVICE = ServiceResult("GET /readyz answered 200", LATENCY, 0.5, 60.0, 140.0)
ACCURACY = Accuracy(0.99, (0.99,) * 10, 10_000)
TRAINING = TrainingResult(ACCURACY, 20.0, 30.0, 800.0, 2000.0)
WORKS = Examination(SERVICE, TRAINING, "bubblewrap", "today", 60.0)
ALSO_WORKS = replace(WORKS, packages="proposed")
BROKEN_IMPORT = Failure("import", "Importing `flask` failed: ImportError: no.", "ImportError: no", "flask")
UNREACHABLE = Failure("install", "The package index did not answer; try again later.", "", inconclusive=True)
NO_SERVICE = NotExamined("No WSGI service was found.")
NO_TRAINING = NotExamined("The repository names no training.")


def scored(accuracy: float) -> Examination:
    return replace(ALSO_WORKS, training=replace(TRAINING, accuracy=replace(ACCURACY, accuracy=accuracy)))


def test_a_lock_with_which_all_works_is_safe() -> None:
    said = verdict(WORKS, ALSO_WORKS)
    assert (said.kind, said.remarks) == ("safe", ())
    assert said.sentence == (
        "With the proposed lock the short training runs and the service starts and answers every known digit rightly."
    )


@pytest.mark.parametrize(
    "after", [replace(ALSO_WORKS, service=BROKEN_IMPORT), replace(ALSO_WORKS, training=BROKEN_IMPORT)]
)
def test_whatever_fails_makes_it_broken(after: Examination) -> None:
    said = verdict(WORKS, after)
    assert said.kind == "broken"
    assert said.sentence == f"The proposed lock does not work: {BROKEN_IMPORT.sentence} Today's lock works."


def test_a_lock_that_fails_as_todays_does_is_broken_all_the_same() -> None:
    before, after = replace(WORKS, service=BROKEN_IMPORT), replace(ALSO_WORKS, service=BROKEN_IMPORT)
    said = verdict(before, after)
    assert said.kind == "broken"
    assert said.sentence.endswith(f"Today's lock fails too: {BROKEN_IMPORT.sentence}")
    assert verdict(replace(WORKS, service=UNREACHABLE), after).sentence.endswith("Today's lock could not be checked.")
    unseen = Examination(NO_SERVICE, NO_TRAINING, "", "x", 0.1)
    assert verdict(unseen, after).sentence.endswith("Today's lock was not checked.")


def test_both_failures_are_told() -> None:
    training = Failure("train", "The short training ended with exit code 1: oh.", "oh")
    said = verdict(WORKS, replace(ALSO_WORKS, service=BROKEN_IMPORT, training=training))
    assert f"{training.sentence} And: {BROKEN_IMPORT.sentence}" in said.sentence


def test_a_repair_is_said_so() -> None:
    said = verdict(replace(WORKS, service=BROKEN_IMPORT), ALSO_WORKS)
    assert said.kind == "safe"
    assert said.sentence.endswith(f"digit rightly. Today's lock does not work: {BROKEN_IMPORT.sentence}")


def test_an_index_out_of_reach_decides_nothing() -> None:
    said = verdict(WORKS, replace(ALSO_WORKS, service=UNREACHABLE))
    assert said.kind == "not_checked"
    assert "index did not answer" in said.sentence
    # A real failure beside it does.
    assert verdict(WORKS, replace(ALSO_WORKS, service=UNREACHABLE, training=BROKEN_IMPORT)).kind == "broken"
    assert verdict(replace(WORKS, service=UNREACHABLE), ALSO_WORKS).kind == "safe"


@pytest.mark.parametrize(
    ("accuracy", "kind"), [(0.995, "safe"), (0.99, "safe"), (0.9851, "safe"), (0.9849, "broken"), (0.1, "broken")]
)
def test_a_fall_of_the_accuracy_beyond_half_a_point_is_broken(accuracy: float, kind: str) -> None:
    said = verdict(WORKS, scored(accuracy))
    assert said.kind == kind
    if kind == "broken":
        assert "accuracy falls by" in said.sentence
        assert "at most 0.50 are accepted" in said.sentence


def test_the_allowed_fall_is_the_callers() -> None:
    assert verdict(WORKS, scored(0.97), max_drop=0.03).kind == "safe"


def test_without_an_accuracy_of_today_none_can_fall() -> None:
    before = replace(WORKS, training=replace(TRAINING, accuracy=NotExamined("No evaluation.")))
    assert verdict(before, scored(0.5)).kind == "safe"


def test_nothing_seen_is_never_safe() -> None:
    unseen = Examination(NO_SERVICE, NO_TRAINING, "", "x", 0.1)
    said = verdict(WORKS, unseen)
    assert said.kind == "not_checked"
    assert said.sentence == (
        "The proposed lock was not checked: No WSGI service was found. The repository names no training."
    )


def test_what_was_not_examined_is_remarked() -> None:
    no_digits, no_evaluation = NotExamined("No known digit was asked."), NotExamined("No evaluation.")
    after = replace(
        ALSO_WORKS,
        service=replace(SERVICE, predictions=no_digits),
        training=replace(TRAINING, accuracy=no_evaluation),
    )
    said = verdict(WORKS, after)
    assert said.sentence == (
        "With the proposed lock the short training runs and the service starts (GET /readyz answered 200)."
    )
    assert said.remarks == ("No known digit was asked.", "No evaluation.")
    assert NO_SERVICE.reason in verdict(WORKS, replace(ALSO_WORKS, service=NO_SERVICE)).remarks
    assert verdict(WORKS, replace(ALSO_WORKS, service=NO_SERVICE)).kind == "safe"


def test_slower_and_larger_is_remarked_where_it_matters() -> None:
    slow = replace(ALSO_WORKS, service=replace(SERVICE, predictions=Latency(9.0, 12.0, 200), peak_memory_mb=300.0))
    assert verdict(WORKS, slow).remarks == (
        "An answer takes 9.0 ms instead of 2.0 ms (median).",
        "The service needs 300 MiB instead of 60 MiB.",
    )
    # Twice of very little is noise.
    assert (
        verdict(
            replace(WORKS, service=replace(SERVICE, predictions=Latency(0.1, 1, 9))),
            replace(ALSO_WORKS, service=replace(SERVICE, predictions=Latency(0.3, 1, 9), peak_memory_mb=79.0)),
        ).remarks
        == ()
    )


def test_locks_that_install_the_same_are_said_to() -> None:
    assert "install the same packages" in verdict(WORKS, WORKS).remarks[0]


@pytest.mark.parametrize(
    ("isolation", "said"),
    [
        ("process", "without a sandbox"),
        ("unshare", "without network, but"),
        ("pod", "in a pod of its own, with the network that the cluster's policy leaves it"),
    ],
)
def test_what_could_not_be_cut_off_is_said(isolation: str, said: str) -> None:
    assert said in verdict(WORKS, replace(ALSO_WORKS, isolation=isolation)).remarks[-1]
