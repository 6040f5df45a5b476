"""May a candidate serve? A pure function of what is known of it and of the model in production."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.card import Card
from training.errors import StageError
from training.metrics import Pairs
from training.policy import Policy


@dataclass(frozen=True, slots=True)
class Report:
    """What the gate reads from a metrics.json."""

    model_sha256: str
    answers_sha256: str
    accuracy: float
    per_class_recall: tuple[float, ...]
    examples: int


@dataclass(frozen=True, slots=True)
class GoldenMiss:
    """A golden digit that the candidate took for another."""

    digit: int
    answer: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What one prediction takes, median of many in microseconds, and the size of the model in bytes."""

    latency_us: float
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Production:
    """The model in production beside the candidate, on the same test images and timed by turns."""

    accuracy: float
    pairs: Pairs | None
    """None where the answers to each image were not kept."""
    cost: Cost


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a verdict depends on; `production` is None where nothing serves or nothing comparable is known."""

    card: Card
    model_sha256: str
    golden_sha256: str
    answers_sha256: str
    report: Report
    golden_misses: tuple[GoldenMiss, ...]
    cost: Cost
    production: Production | None


def objections(evidence: Evidence, policy: Policy) -> tuple[str, ...]:
    """Why the candidate may not serve, one clause each with its numbers; empty means that it may."""
    return tuple(_identity(evidence)) or (*_quality(evidence, policy), *_comparison(evidence, policy))


def _identity(evidence: Evidence) -> Iterator[str]:
    card = evidence.card
    if evidence.model_sha256 != card.sha256:
        yield f"model.tflite has sha256 {evidence.model_sha256[:16]}…, its card says {card.sha256[:16]}…"
    if evidence.golden_sha256 != card.golden_sha256:
        yield f"golden.json has sha256 {evidence.golden_sha256[:16]}…, the card says {card.golden_sha256[:16]}…"
    if evidence.report.model_sha256 != card.sha256:
        yield "metrics.json was measured on another model; run `python -m training.evaluate`"
    if evidence.answers_sha256 != evidence.report.answers_sha256:
        yield "answers.npz is not the one that metrics.json was made with; run `python -m training.evaluate`"


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


def _comparison(evidence: Evidence, policy: Policy) -> Iterator[str]:
    production, report = evidence.production, evidence.report
    if production is None:
        return
    lost = 100 * (production.accuracy - report.accuracy)
    if not lost <= policy.most_points_lost + 1e-9:
        yield (
            f"it loses {lost:.2f} points against production ({production.accuracy:.2%} → "
            f"{report.accuracy:.2%}), at most {policy.most_points_lost:.2f} may be lost"
        )
    pairs = production.pairs
    if pairs is not None and not pairs.p_value >= policy.mcnemar_p:
        yield (
            f"of the test images that only one of the two models has right it loses {pairs.lost} and wins {pairs.won}: "
            f"McNemar's p is {pairs.p_value:.1e}, below {policy.mcnemar_p:g}"
        )
    yield from _ratios(evidence.cost, production.cost, policy)


def _ratios(candidate: Cost, production: Cost, policy: Policy) -> Iterator[str]:
    if not candidate.latency_us <= policy.latency_ratio * production.latency_us:
        yield (
            f"one prediction takes {candidate.latency_us:.0f} µs, in production {production.latency_us:.0f} µs: "
            f"more than {policy.latency_ratio:g} times"
        )
    if not candidate.size_bytes <= policy.size_ratio * production.size_bytes:
        yield (
            f"the model has {candidate.size_bytes} bytes, in production {production.size_bytes}: "
            f"more than {policy.size_ratio:g} times"
        )


def parse_report(document: dict[str, Any], path: Path) -> Report:
    """The part of a metrics.json that the gate judges; raises StageError naming the key that is missing or wrong."""
    try:
        report = Report(
            model_sha256=str(document["model_sha256"]),
            answers_sha256=str(document.get("answers_sha256", "")),  # "" for what older versions measured
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
