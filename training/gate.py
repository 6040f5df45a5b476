"""`python -m training.gate`: may this candidate serve? A pure verdict, and the stage that asks for it."""

import math
import os
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.card import Card, read_card, read_document, read_file, read_golden
from training.config import HERE, StageSettings
from training.data import digest
from training.errors import StageError, exit_status
from training.inference import FlatGraph

POLICY = HERE / "policy.toml"


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits of one configuration: shares 0–1, and percentage points of accuracy."""

    accuracy_floor: float
    recall_floor: float
    most_points_lost: float


@dataclass(frozen=True, slots=True)
class Report:
    """What the gate reads from a metrics.json."""

    model_sha256: str
    accuracy: float
    per_class_recall: tuple[float, ...]
    examples: int


@dataclass(frozen=True, slots=True)
class GoldenMiss:
    """A golden digit that the candidate took for another."""

    digit: int
    answer: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict depends on; `production` is None where nothing serves or nothing comparable is known."""

    card: Card
    model_sha256: str
    golden_sha256: str
    report: Report
    golden_misses: tuple[GoldenMiss, ...]
    production: Report | None


def objections(evidence: Evidence, policy: Policy) -> tuple[str, ...]:
    """Why the candidate may not serve, one clause each with its numbers; empty means that it may."""
    return tuple(_identity(evidence)) or tuple(_quality(evidence, policy))


def _identity(evidence: Evidence) -> Iterator[str]:
    card = evidence.card
    if evidence.model_sha256 != card.sha256:
        yield f"model.tflite has sha256 {evidence.model_sha256[:16]}…, its card says {card.sha256[:16]}…"
    if evidence.golden_sha256 != card.golden_sha256:
        yield f"golden.json has sha256 {evidence.golden_sha256[:16]}…, the card says {card.golden_sha256[:16]}…"
    if evidence.report.model_sha256 != card.sha256:
        yield "metrics.json was measured on another model; run `python -m training.evaluate`"


def _quality(evidence: Evidence, policy: Policy) -> Iterator[str]:
    # Written as "not better" throughout: a NaN is never better than a limit.
    report = evidence.report
    if not report.accuracy >= policy.accuracy_floor:
        yield f"test accuracy {report.accuracy:.2%} is below the floor of {policy.accuracy_floor:.2%}"
    for digit, recall in enumerate(report.per_class_recall):
        if not recall >= policy.recall_floor:
            yield f"only {recall:.2%} of the digit {digit} are recognised, the floor is {policy.recall_floor:.2%}"
    for miss in evidence.golden_misses:
        yield f"the golden {miss.digit} is taken for a {miss.answer}"
    if evidence.production is not None:
        lost = 100 * (evidence.production.accuracy - report.accuracy)
        if not lost <= policy.most_points_lost + 1e-9:
            yield (
                f"it loses {lost:.2f} points against production ({evidence.production.accuracy:.2%} → "
                f"{report.accuracy:.2%}), at most {policy.most_points_lost:.2f} may be lost"
            )


def parse_policy(text: str, name: str) -> Policy:
    """The policy of one configuration; raises StageError naming the table or key that is missing or wrong."""
    try:
        table = tomllib.loads(text)[name]
        limits = {key: float(table[key]) for key in ("accuracy_floor", "recall_floor", "most_points_lost")}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as problem:
        raise StageError(
            f"The gate's policy has no valid table [{name}] ({problem}): correct policy.toml."
        ) from problem
    if not all(math.isfinite(limit) for limit in limits.values()):
        raise StageError(f"The gate's policy [{name}] holds a limit that is not a number: correct policy.toml.")
    return Policy(**limits)


def parse_report(document: dict[str, Any], path: Path) -> Report:
    """The part of a metrics.json that the gate judges; raises StageError naming the key that is missing or wrong."""
    try:
        report = Report(
            model_sha256=str(document["model_sha256"]),
            accuracy=float(document["accuracy"]),
            per_class_recall=tuple(float(recall) for recall in document["per_class_recall"]),
            examples=int(document["examples"]),
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise StageError(f"{path} is not a test result ({problem}): run `python -m training.evaluate`.") from problem
    if len(report.per_class_recall) != 10:
        raise StageError(
            f"{path} has {len(report.per_class_recall)} recalls, not 10: run `python -m training.evaluate`."
        )
    return report


def run(settings: StageSettings) -> None:
    """The stage: reads MODEL_DIR and PRODUCTION_DIR, writes nothing; raises StageError with the objections."""
    evidence = gather(settings)
    found = objections(evidence, parse_policy(POLICY.read_text(), evidence.card.config_name))
    if found:
        raise StageError(f"The model {evidence.card.model_id} may not serve: {'; '.join(found)}.")
    beside = "nothing in production to compare with"
    if evidence.production is not None:
        beside = f"production has {evidence.production.accuracy:.2%}"
    print(f"The model {evidence.card.model_id} may serve: test accuracy {evidence.report.accuracy:.2%}, {beside}.")


def gather(settings: StageSettings) -> Evidence:
    """Reads all that the verdict depends on, and asks the candidate for the golden digits; raises StageError."""
    folder = settings.model_dir
    card = read_card(folder)
    content = read_file(folder / "model.tflite", remedy="run `python -m training.train`")
    golden_content = read_file(folder / "golden.json", remedy="run `python -m training.train`")
    return Evidence(
        card=card,
        model_sha256=digest(content),
        golden_sha256=digest(golden_content),
        report=_report(folder),
        golden_misses=_golden_misses(content, golden_content) if digest(content) == card.sha256 else (),
        production=_production(settings.production_dir, card),
    )


def _golden_misses(content: bytes, golden_content: bytes) -> tuple[GoldenMiss, ...]:
    golden = read_golden(golden_content)
    answers = FlatGraph(content).digits(golden.inputs).tolist()
    return tuple(
        GoldenMiss(digit, answer) for digit, answer in zip(golden.labels, answers, strict=True) if digit != answer
    )


def _production(folder: Path | None, candidate: Card) -> Report | None:
    """The test result of the model in production, if it was measured on the candidate's data."""
    if folder is None or not (folder / "metrics.json").exists():
        return None
    if read_card(folder).data_sha256 != candidate.data_sha256:
        return None
    return _report(folder)


def _report(folder: Path) -> Report:
    path = folder / "metrics.json"
    return parse_report(read_document(path, remedy="run `python -m training.evaluate`"), path)


if __name__ == "__main__":
    sys.exit(exit_status(lambda: run(StageSettings.from_env(os.environ))))
