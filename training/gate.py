"""`python -m training.gate`: may this candidate serve? Gathers what the verdict depends on, and says it."""

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.answers import NAME as ANSWERS
from training.answers import Answers, parse_answers
from training.card import Card, read_card, read_document, read_file, read_golden
from training.command import Stage, run_stage
from training.config import StageSettings
from training.data import Bytes, digest
from training.errors import StageError
from training.inference import FlatGraph
from training.metrics import pair
from training.policy import PATH, parse_policy
from training.signing import verify
from training.verdict import Cost, Evidence, GoldenMiss, Production, Report, objections, parse_report

STAGE = Stage(
    "gate",
    "Says whether the model may serve: exit 0, or 1 with each objection and its numbers.",
    ("MODEL_DIR", "PRODUCTION_DIR", "VERIFYING_KEY_FILE"),
)

TURNS = 300
"""Predictions of each model; with the golden digits in turn."""
EVALUATE = "run `python -m training.evaluate`"
TRAIN = "run `python -m training.train`"


def run(settings: StageSettings) -> None:
    """The stage: reads MODEL_DIR and PRODUCTION_DIR, writes nothing; raises StageError with the objections."""
    if settings.verifying_key is not None:
        verify(settings.model_dir, settings.verifying_key)
    evidence = gather(settings)
    found = objections(evidence, parse_policy(PATH.read_text(), evidence.card.config_name))
    if found:
        raise StageError(f"The model {evidence.card.model_id} may not serve: {'; '.join(found)}.")
    beside = "nothing in production to compare with"
    if evidence.production is not None:
        beside = f"production has {evidence.production.accuracy:.2%}"
        if evidence.production.pairs is not None:
            beside += f" (McNemar's p {evidence.production.pairs.p_value:.2g})"
    print(f"The model {evidence.card.model_id} may serve: test accuracy {evidence.report.accuracy:.2%}, {beside}.")


def gather(settings: StageSettings) -> Evidence:
    """Reads all that the verdict depends on, and asks both models for golden digits; raises StageError."""
    folder = settings.model_dir
    card, report = read_card(folder), _report(folder)
    content, golden_content = read_file(folder / "model.tflite", TRAIN), read_file(folder / "golden.json", TRAIN)
    answers_content = read_file(folder / ANSWERS, EVALUATE)
    known = Evidence(
        card=card,
        model_sha256=digest(content),
        golden_sha256=digest(golden_content),
        answers_sha256=digest(answers_content),
        report=report,
        golden_misses=(),
        cost=Cost(0.0, len(content)),
        production=None,
    )
    if known.model_sha256 != card.sha256:
        return known  # what is not the model of its card is not even asked
    return _ask(known, FlatGraph(content), golden_content, answers_content, settings.production_dir)


def _ask(
    known: Evidence, graph: FlatGraph, golden_content: bytes, answers_content: bytes, production_dir: Path | None
) -> Evidence:
    golden = read_golden(golden_content)
    found = zip(golden.labels, graph.digits(golden.inputs).tolist(), strict=True)
    misses = tuple(GoldenMiss(digit, answer) for digit, answer in found if digit != answer)
    in_production = _comparable(production_dir, known.card)
    if in_production is None:
        return _with(known, misses, time_by_turns((graph,), golden.inputs)[0], None)
    folder, report = in_production
    other = FlatGraph(read_file(folder / "model.tflite", "deploy again"))
    latency, other_latency = time_by_turns((graph, other), golden.inputs)
    answers = parse_answers(answers_content)
    theirs = _answers_in_production(folder, report)
    pairs = pair(answers.right, theirs.right) if theirs is not None and _same_test(answers, theirs) else None
    cost = Cost(other_latency, len(other.content))
    return _with(known, misses, latency, Production(report.accuracy, pairs, cost))


def _with(
    known: Evidence, misses: tuple[GoldenMiss, ...], latency_us: float, production: Production | None
) -> Evidence:
    cost = replace(known.cost, latency_us=latency_us)
    return replace(known, golden_misses=misses, cost=cost, production=production)


def time_by_turns(graphs: tuple[FlatGraph, ...], images: Bytes) -> tuple[float, ...]:
    """The median microseconds of one prediction of each model; asked by turns, so that a busy moment meets all."""
    askers = [graph.asker() for graph in graphs]
    taken = np.empty((TURNS, len(askers)))
    for turn in range(-len(images), TURNS):  # the first round sets the runtime up, and is overwritten
        image = images[turn % len(images)]
        for place, ask in enumerate(askers):
            started = time.perf_counter_ns()
            ask(image)
            taken[turn, place] = (time.perf_counter_ns() - started) / 1000
    return tuple(np.median(taken, axis=0).tolist())


def _comparable(folder: Path | None, candidate: Card) -> tuple[Path, Report] | None:
    """The model in production and its test result, if it was measured on the candidate's data."""
    if folder is None or not (folder / "metrics.json").exists():
        return None
    if read_card(folder).data_sha256 != candidate.data_sha256:
        return None
    return folder, _report(folder)


def _answers_in_production(folder: Path, report: Report) -> Answers | None:
    try:
        content = (folder / ANSWERS).read_bytes()
    except OSError:
        return None
    return parse_answers(content) if digest(content) == report.answers_sha256 else None


def _same_test(one: Answers, other: Answers) -> bool:
    return bool(np.array_equal(one.labels, other.labels))


def _report(folder: Path) -> Report:
    path = folder / "metrics.json"
    return parse_report(read_document(path, EVALUATE), path)


if __name__ == "__main__":
    sys.exit(run_stage(STAGE, run, sys.argv[1:]))
