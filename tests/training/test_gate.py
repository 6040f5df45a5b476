import dataclasses
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.training.workshop import run_here, run_stage
from training.answers import Answers, parse_answers, render_answers
from training.card import Card
from training.config import CONFIGURATIONS
from training.data import digest
from training.errors import StageError
from training.metrics import Pairs
from training.policy import PATH, Policy, parse_export, parse_policy
from training.verdict import Cost, Evidence, GoldenMiss, Production, Report, objections, parse_report

CARD = Card(model_id="tf-1", sha256="aa", golden_sha256="bb", data_sha256="cc", config_name="full")
LIMITS = Policy(
    accuracy_floor=0.99, recall_floor=0.97, most_points_lost=0.3, mcnemar_p=0.01, latency_ratio=2.0, size_ratio=3.0
)
GOOD = Report(model_sha256="aa", answers_sha256="ee", accuracy=0.992, per_class_recall=(0.992,) * 10, examples=10_000)
COST = Cost(20.0, 100_000)


def evidence(report: Report = GOOD, production: Production | None = None, **changes: Any) -> Evidence:
    known = Evidence(CARD, "aa", "bb", "ee", report, (), COST, production)
    return dataclasses.replace(known, **changes)


def report(accuracy: float = 0.992, *recalls: float) -> Report:
    return dataclasses.replace(GOOD, accuracy=accuracy, per_class_recall=recalls + (0.992,) * (10 - len(recalls)))


def beside(accuracy: float = 0.992, lost: int = 0, won: int = 0, cost: Cost = COST) -> Production:
    return Production(accuracy, Pairs(lost, won), cost)


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
        (evidence(answers_sha256="dd"), ["answers.npz is not the one that metrics.json was made with"]),
        (evidence(dataclasses.replace(GOOD, model_sha256="dd")), ["metrics.json was measured on another model"]),
        (evidence(production=beside(0.995)), []),
        (evidence(production=beside(0.9951)), ["it loses 0.31 points against production (99.51% → 99.20%)"]),
        (evidence(production=beside(0.9)), []),
        (evidence(production=beside(0.9935, lost=30, won=15)), []),
        (
            evidence(production=beside(0.9935, lost=30, won=12)),
            ["of the test images that only one of the two models has right it loses 30 and wins 12: McNemar's p is 4."],
        ),
        (evidence(production=dataclasses.replace(beside(), pairs=None)), []),
        (evidence(cost=Cost(40.0, 300_000), production=beside()), []),
        (
            evidence(cost=Cost(41.0, 300_001), production=beside()),
            [
                "one prediction takes 41 µs, in production 20 µs: more than 2 times",
                "the model has 300001 bytes, in production 100000: more than 3 times",
            ],
        ),
        (evidence(cost=Cost(math.nan, 1), production=beside()), ["one prediction takes nan µs"]),
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
        objections(evidence(report(accuracy, *recalls), production=beside(production)), LIMITS)
        for accuracy in sorted((one, other))
    )
    assert len(high) <= len(low)


@given(shares, shares)
def test_whoever_passes_is_above_the_floor_and_near_production(accuracy: float, production: float) -> None:
    if not objections(evidence(report(accuracy), production=beside(production)), LIMITS):
        assert accuracy >= LIMITS.accuracy_floor
        assert 100 * (production - accuracy) <= LIMITS.most_points_lost + 1e-6


counts = st.integers(0, 200)


@given(counts, counts)
def test_losing_more_images_is_never_forgiven_and_winning_more_never_held_against(lost: int, won: int) -> None:
    now, more_lost, more_won = (
        len(objections(evidence(production=beside(lost=one, won=other)), LIMITS))
        for one, other in ((lost, won), (lost + 1, won), (lost, won + 1))
    )
    assert more_won <= now <= more_lost


@given(counts, counts)
def test_a_model_that_wins_as_often_as_it_loses_passes_mcnemar(one: int, other: int) -> None:
    lost, won = sorted((one, other))
    assert objections(evidence(production=beside(lost=lost, won=won)), LIMITS) == ()


costs = st.builds(Cost, st.floats(0.1, 1e6), st.integers(1, 10**9))


@given(costs, costs)
def test_whoever_passes_is_about_as_fast_and_small_as_production(candidate: Cost, production: Cost) -> None:
    if not objections(evidence(cost=candidate, production=beside(cost=production)), LIMITS):
        assert candidate.latency_us <= LIMITS.latency_ratio * production.latency_us
        assert candidate.size_bytes <= LIMITS.size_ratio * production.size_bytes
    assert objections(evidence(cost=candidate, production=beside(cost=candidate)), LIMITS) == ()


def test_the_policy_in_the_repository_has_all_configurations() -> None:
    floors = {name: parse_policy(PATH.read_text(), name).accuracy_floor for name in CONFIGURATIONS}
    assert 0.98 <= floors["quick"] < floors["standard"] < floors["full"] < 1
    assert parse_export(PATH.read_text()).serve == "float"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is missing"),
        ("[full", "Expected"),
        ("full = 3", "it is missing"),
        ("[full]\nserve = 1", "accuracy_floor is missing"),
        ("{whole}\nmost_point_lost = 1", "most_point_lost is no limit"),
        ("{whole}\naccuracy_floor = 'x'", "accuracy_floor is 'x', not a number from 0 on"),
        ("{whole}\naccuracy_floor = nan", "accuracy_floor is nan"),
        ("{whole}\naccuracy_floor = -1", "accuracy_floor is -1"),
        ("{whole}\naccuracy_floor = true", "accuracy_floor is True"),
    ],
)
def test_a_broken_policy_is_an_error_that_names_table_and_key(text: str, reason: str) -> None:
    keys = (field.name for field in dataclasses.fields(Policy) if f"\n{field.name} =" not in text)
    whole = "[full]\n" + "\n".join(f"{key} = 1" for key in keys)
    with pytest.raises(StageError, match=r"\[full\]") as caught:
        parse_policy(text.replace("{whole}", whole), "full")
    assert reason in str(caught.value)


def test_the_form_to_serve_is_one_that_there_is() -> None:
    text = "[export]\nserve = {!r}\nbecause = 'It is smaller.'\nleast_agreement = 0.9\nmost_points_lost = 1"
    assert parse_export(text.format("int8")).serve == "int8"
    with pytest.raises(StageError, match="serve is 'onnx', not one of float, int8"):
        parse_export(text.format("onnx"))
    with pytest.raises(StageError, match="because is no sentence"):
        parse_export(text.format("int8").replace("It is smaller.", " "))


@pytest.mark.parametrize(
    "change",
    [{"accuracy": None}, {"accuracy": "high"}, {"per_class_recall": [1]}, {"per_class_recall": 3}, {"examples": None}],
)
def test_a_broken_report_is_an_error_that_names_the_file(change: dict[str, object]) -> None:
    document = {
        "model_sha256": "aa",
        "answers_sha256": "ee",
        "accuracy": 1,
        "per_class_recall": [1] * 10,
        "examples": 10,
    } | change
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
    beside = run_here("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production)
    assert (beside.status, "production has 99.20%" in beside.output) == (0, True), beside.errors
    rewrite(production / "metrics.json", accuracy=1.0)
    worse = run_here("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production)
    assert (worse.status, "it loses 0.90 points against production" in worse.sentence) == (1, True)
    rewrite(production / "card.json", data_sha256="of other data")
    assert run_here("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production).status == 0


def test_a_model_that_loses_image_by_image_is_stopped_though_its_accuracy_passes(
    candidate: Path, tmp_path: Path
) -> None:
    rewrite(candidate / "metrics.json", accuracy=0.99, per_class_recall=[0.99] * 10)
    production = Path(shutil.copytree(candidate, tmp_path / "production"))
    answers = parse_answers((candidate / "answers.npz").read_bytes())
    worse = answers.digits.copy()
    worse[:120] = (worse[:120] + 1) % 10
    content = render_answers(Answers(answers.labels, worse))
    (candidate / "answers.npz").write_bytes(content)
    rewrite(candidate / "metrics.json", answers_sha256=digest(content))
    stopped = run_here("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production)
    assert (stopped.status, "McNemar's p is" in stopped.sentence) == (1, True), stopped.errors
    (production / "answers.npz").unlink()  # made by a version that did not keep them
    assert run_here("gate", MODEL_DIR=candidate, PRODUCTION_DIR=production).status == 0


def test_a_model_of_little_data_is_below_the_floor(candidate: Path) -> None:
    outcome = run_here("gate", MODEL_DIR=candidate)
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
        ("answers.npz", None, "Cannot read"),
        ("answers.npz", whole["answers.npz"][:99], "answers.npz is not the one"),
        ("metrics.json", None, "Cannot read"),
        ("metrics.json", b"{}", "is not a test result"),
        ("metrics.json", b'{"accuracy": NaN', "is not JSON"),
        ("card.json", whole["card.json"].replace(b'"quick"', b'"quack"'), "[quack]"),
    ]
    for name, content, sentence in told:
        (candidate / name).unlink()
        if content is not None:
            (candidate / name).write_bytes(content)
        outcome = run_here("gate", MODEL_DIR=candidate)
        (candidate / name).write_bytes(whole[name])
        assert (outcome.status, sentence in outcome.sentence) == (1, True), outcome.errors
        assert "Traceback" not in outcome.errors
