import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.workshop import run_stage
from training.card import Card
from training.errors import StageError
from training.gate import POLICY, Evidence, GoldenMiss, Policy, Report, objections, parse_policy, parse_report

CARD = Card(model_id="tf-1", sha256="aa", golden_sha256="bb", data_sha256="cc", config_name="full")
LIMITS = Policy(accuracy_floor=0.99, recall_floor=0.97, most_points_lost=0.3)
GOOD = Report(model_sha256="aa", accuracy=0.992, per_class_recall=(0.992,) * 10, examples=10_000)


def evidence(report: Report = GOOD, production: Report | None = None, **changes: Any) -> Evidence:
    known = Evidence(CARD, "aa", "bb", report, (), production)
    return dataclasses.replace(known, **changes)


def report(accuracy: float = 0.992, *recalls: float) -> Report:
    return dataclasses.replace(GOOD, accuracy=accuracy, per_class_recall=recalls + (0.992,) * (10 - len(recalls)))


@pytest.mark.parametrize(
    ("told", "clauses"),
    [
        (evidence(), []),
        (evidence(report(0.99)), []),
        (evidence(report(0.9899)), ["test accuracy 98.99% is below the floor of 99.00%"]),
        (evidence(report(math.nan)), ["test accuracy nan% is below the floor"]),
        (evidence(report(0.992, 0.0)), ["only 0.00% of the digit 0 are recognised"]),
        (evidence(report(0.992, 0.99, math.nan)), ["only nan% of the digit 1"]),
        (evidence(golden_misses=(GoldenMiss(5, 6),)), ["the golden 5 is taken for a 6"]),
        (evidence(model_sha256="dd"), ["model.tflite has sha256 dd…, its card says aa…"]),
        (evidence(golden_sha256="dd"), ["golden.json has sha256 dd…, the card says bb…"]),
        (evidence(dataclasses.replace(GOOD, model_sha256="dd")), ["metrics.json was measured on another model"]),
        (evidence(production=report(0.995)), []),
        (evidence(production=report(0.9951)), ["it loses 0.31 points against production (99.51% → 99.20%)"]),
        (evidence(production=report(0.9)), []),
        (evidence(report(0.95, 0.5)), ["test accuracy 95.00%", "only 50.00% of the digit 0"]),
    ],
)
def test_the_verdict_says_which_rule_failed_with_the_numbers(told: Evidence, clauses: list[str]) -> None:
    found = objections(told, LIMITS)
    assert len(found) == len(clauses)
    for objection, clause in zip(found, clauses, strict=True):
        assert objection.startswith(clause)


shares = st.floats(0, 1)


@given(shares, shares, shares, st.lists(shares, min_size=10, max_size=10))
def test_a_more_accurate_model_never_meets_more_objections(
    one: float, other: float, production: float, recalls: list[float]
) -> None:
    low, high = (
        objections(evidence(report(accuracy, *recalls), production=report(production)), LIMITS)
        for accuracy in sorted((one, other))
    )
    assert len(high) <= len(low)


@given(shares, shares)
def test_whoever_passes_is_above_the_floor_and_near_production(accuracy: float, production: float) -> None:
    if not objections(evidence(report(accuracy), production=report(production)), LIMITS):
        assert accuracy >= LIMITS.accuracy_floor
        assert 100 * (production - accuracy) <= LIMITS.most_points_lost + 1e-6


def test_the_policy_in_the_repository_has_both_configurations() -> None:
    full, quick = (parse_policy(POLICY.read_text(), name) for name in ("full", "quick"))
    assert full.accuracy_floor >= 0.99
    assert full.accuracy_floor > quick.accuracy_floor >= 0.98


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[full",
        "full = 3",
        "[full]\naccuracy_floor = 1",
        "[full]\naccuracy_floor = 'x'\nrecall_floor = 1\nmost_points_lost = 1",
        "[full]\naccuracy_floor = nan\nrecall_floor = 1\nmost_points_lost = 1",
    ],
)
def test_a_broken_policy_is_an_error_that_names_its_table(text: str) -> None:
    with pytest.raises(StageError, match=r"\[full\]"):
        parse_policy(text, "full")


@pytest.mark.parametrize(
    "change",
    [{"accuracy": None}, {"accuracy": "high"}, {"per_class_recall": [1]}, {"per_class_recall": 3}, {"examples": None}],
)
def test_a_broken_report_is_an_error_that_names_the_file(change: dict[str, object]) -> None:
    document = {"model_sha256": "aa", "accuracy": 1, "per_class_recall": [1] * 10, "examples": 10} | change
    with pytest.raises(StageError, match=r"m\.json"):
        parse_report(document, Path("m.json"))


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_good_model_passes_alone_and_beside_production(candidate: Path, tmp_path: Path) -> None:
    rewrite(candidate / "metrics.json", accuracy=0.991, per_class_recall=[0.991] * 10)
    alone = run_stage("gate", MODEL_DIR=candidate, PRODUCTION_DIR="")
    assert (alone.status, "nothing in production" in alone.output) == (0, True), alone.errors
    production = Path(shutil.copytree(candidate, tmp_path / "production"))
    rewrite(production / "metrics.json", accuracy=0.992)
    beside = run_stage("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production)
    assert (beside.status, "production has 99.20%" in beside.output) == (0, True), beside.errors
    rewrite(production / "metrics.json", accuracy=1.0)
    worse = run_stage("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production)
    assert (worse.status, "it loses 0.90 points against production" in worse.sentence) == (1, True)
    rewrite(production / "card.json", data_sha256="of other data")
    assert run_stage("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production).status == 0


def test_a_model_of_little_data_is_below_the_floor(candidate: Path) -> None:
    outcome = run_stage("gate", MODEL_DIR=candidate)
    assert outcome.status == 1
    assert "may not serve: test accuracy 9" in outcome.sentence
    assert "is below the floor of 98.00%" in outcome.sentence


def test_whatever_was_tampered_with_is_refused(candidate: Path) -> None:
    whole = {path.name: path.read_bytes() for path in candidate.iterdir()}
    golden = json.loads(whole["golden.json"])
    told = [
        ("model.tflite", whole["model.tflite"] + b"\0", "model.tflite has sha256"),
        ("model.tflite", None, "Cannot read"),
        ("golden.json", json.dumps(golden | {"labels": golden["labels"][::-1]}).encode(), "golden.json has sha256"),
        ("golden.json", b"{}", "golden.json is not a golden set"),
        ("golden.json", json.dumps(golden | {"inputs": [[1]] * 10}).encode(), "golden.json does not hold 28×28"),
        ("metrics.json", None, "Cannot read"),
        ("metrics.json", b"{}", "is not a test result"),
        ("metrics.json", b'{"accuracy": NaN', "is not JSON"),
        ("card.json", whole["card.json"].replace(b'"quick"', b'"quack"'), "[quack]"),
    ]
    for name, content, sentence in told:
        (candidate / name).unlink()
        if content is not None:
            (candidate / name).write_bytes(content)
        outcome = run_stage("gate", MODEL_DIR=candidate)
        (candidate / name).write_bytes(whole[name])
        assert (outcome.status, sentence in outcome.sentence) == (1, True), outcome.errors
        assert "Traceback" not in outcome.errors
