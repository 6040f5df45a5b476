"""What was seen when a lock was tried out, and what that says about it."""

from dataclasses import dataclass
from typing import Literal

from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe

__all__ = [
    "MAX_ACCURACY_DROP",
    "Accuracy",
    "Evidence",
    "Examination",
    "Failure",
    "Latency",
    "NotExamined",
    "Phase",
    "Recipe",
    "ServiceRecipe",
    "ServiceResult",
    "TrainingRecipe",
    "TrainingResult",
    "Verdict",
    "VerdictKind",
    "verdict",
]

MAX_ACCURACY_DROP = 0.005
"""The largest loss of accuracy, as a share of all examples, that a new lock may bring."""

_SLOWER, _LARGER = 1.5, 1.3
_MIN_MS, _MIN_MB = 1.0, 20.0

Phase = Literal["install", "train", "evaluate", "import", "boot", "ready", "version", "predict"]


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not work with a lock, in one sentence, with the last lines of the log."""

    phase: Phase
    sentence: str
    log_tail: str
    culprit: str | None = None
    """The module whose import failed."""
    inconclusive: bool = False
    """True where the failure says nothing about the lock: the index was out of reach."""


@dataclass(frozen=True, slots=True)
class NotExamined:
    """A part that was not tried, and why; never a sign that it works."""

    reason: str


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the service took for one answer, in milliseconds, over `n` requests one after another."""

    p50_ms: float
    p99_ms: float
    n: int


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """The service was imported, started and answered."""

    ready: str
    """What it answered to the question whether it is ready, as a phrase: `GET /readyz answered 200`."""
    predictions: Latency | NotExamined
    """Every known digit was answered rightly, this fast."""
    import_seconds: float
    peak_memory_mb: float
    size_mb: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """The test result of the model that the short training made; shares from 0 to 1."""

    accuracy: float
    per_class_recall: tuple[float, ...]
    examples: int


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The short training ran to its end."""

    accuracy: Accuracy | NotExamined
    seconds: float
    cpu_seconds: float
    peak_memory_mb: float
    size_mb: float


@dataclass(frozen=True, slots=True)
class Examination:
    """What was measured with one lock."""

    service: ServiceResult | Failure | NotExamined
    training: TrainingResult | Failure | NotExamined
    isolation: str
    """How the code was kept apart while it ran: bubblewrap, pod, unshare, process, or empty when none ran."""
    packages: str
    """sha256 of what was installed; equal for two locks that differ in other categories only."""
    seconds: float

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What did not work, the training first."""
        return tuple(part for part in (self.training, self.service) if isinstance(part, Failure))


@dataclass(frozen=True, slots=True)
class Evidence:
    """Today's lock and the proposed one, tried out on the same commit."""

    before: Examination
    after: Examination


VerdictKind = Literal["safe", "broken", "not_checked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says about merging the proposed lock; `safe` only for what was seen to work."""

    kind: VerdictKind
    sentence: str
    remarks: tuple[str, ...] = ()
    """What a reader should know besides: what was not examined, what became slower or larger."""


def verdict(before: Examination, after: Examination, max_drop: float = MAX_ACCURACY_DROP) -> Verdict:
    """Whether the proposed lock works; `broken` whatever today's lock does, `not_checked` where nothing was seen."""
    remarks = _remarks(before, after)
    conclusive = [failure for failure in after.failures if not failure.inconclusive]
    if conclusive:
        return Verdict("broken", f"{_broken(conclusive)} {_today(before)}", remarks)
    if after.failures:
        return Verdict("not_checked", f"The proposed lock was not checked: {after.failures[0].sentence}", remarks)
    lost = _drop(before, after)
    if lost is not None and lost > max_drop:
        sentence = f"The accuracy falls by {lost * 100:.2f} points; at most {max_drop * 100:.2f} are accepted."
        return Verdict("broken", sentence, remarks)
    seen = _seen(after)
    if not seen:
        reasons = [part.reason for part in (after.service, after.training) if isinstance(part, NotExamined)]
        return Verdict("not_checked", f"The proposed lock was not checked: {' '.join(reasons)}", ())
    mended = [failure.sentence for failure in before.failures if not failure.inconclusive][:1]
    repaired = "".join(f" Today's lock does not work: {sentence}" for sentence in mended)
    return Verdict("safe", f"With the proposed lock {' and '.join(seen)}.{repaired}", remarks)


def broke(evidence: Evidence) -> bool:
    """Whether something fails with the proposed lock where nothing does with today's."""
    before, after = evidence.before.failures, evidence.after.failures
    return not before and bool(after) and not any(failure.inconclusive for failure in after)


def _broken(failures: list[Failure]) -> str:
    what = " And: ".join(failure.sentence for failure in failures)
    return f"The proposed lock does not work: {what}"


def _today(before: Examination) -> str:
    failures = before.failures
    if not failures:
        return "Today's lock works." if _seen(before) else "Today's lock was not checked."
    if all(failure.inconclusive for failure in failures):
        return "Today's lock could not be checked."
    return f"Today's lock fails too: {failures[0].sentence}"


def _seen(examination: Examination) -> list[str]:
    seen = []
    if isinstance(examination.training, TrainingResult):
        seen.append("the short training runs")
    match examination.service:
        case ServiceResult(predictions=Latency()):
            seen.append("the service starts and answers every known digit rightly")
        case ServiceResult(ready=ready):
            seen.append(f"the service starts ({ready})")
    return seen


def _drop(before: Examination, after: Examination) -> float | None:
    match before.training, after.training:
        case TrainingResult(accuracy=Accuracy(old)), TrainingResult(accuracy=Accuracy(new)):
            return old - new
    return None


def _remarks(before: Examination, after: Examination) -> tuple[str, ...]:
    remarks = []
    if before.packages == after.packages:
        remarks.append("Both locks install the same packages here; what changes is not used by service or training.")
    remarks += [part.reason for part in (after.service, after.training) if isinstance(part, NotExamined)]
    match after.service:
        case ServiceResult(predictions=NotExamined(reason)):
            remarks.append(reason)
    match after.training:
        case TrainingResult(accuracy=NotExamined(reason)):
            remarks.append(reason)
    match before.service, after.service:
        case ServiceResult() as old, ServiceResult() as new:
            remarks += _worse(old, new)
    if after.isolation == "process":
        remarks.append("The code ran without a sandbox on this machine: network and files were within its reach.")
    elif after.isolation == "unshare":
        remarks.append("The code ran without network, but the files of this machine were within its reach.")
    elif after.isolation == "pod":
        remarks.append("The code ran in a pod of its own, with the network that the cluster's policy leaves it.")
    return tuple(remarks)


def _worse(old: ServiceResult, new: ServiceResult) -> list[str]:
    remarks = []
    match old.predictions, new.predictions:
        case Latency(p50_ms=was), Latency(p50_ms=now) if now > was * _SLOWER and now - was > _MIN_MS:
            remarks.append(f"An answer takes {now:.1f} ms instead of {was:.1f} ms (median).")
    if new.peak_memory_mb > old.peak_memory_mb * _LARGER and new.peak_memory_mb - old.peak_memory_mb > _MIN_MB:
        remarks.append(f"The service needs {new.peak_memory_mb:.0f} MiB instead of {old.peak_memory_mb:.0f} MiB.")
    return remarks
