"""Evidence in words: the section of the pull request, its first line, and the check run."""

import json
from collections.abc import Callable
from typing import Any

from bot.core.errors import Refused
from bot.core.evidence import (
    Accuracy,
    Evidence,
    Examination,
    Failure,
    Latency,
    NotExamined,
    ServiceResult,
    TrainingResult,
    Verdict,
    verdict,
)
from bot.core.plan import Conclusion, Report
from bot.core.texts.markdown import MAX_CHARACTERS, bounded, fenced, quoting, replace_section, table

CHECK = "Bolide evidence"
_SIGN = {"safe": "✅ **Safe to merge**", "broken": "🛑 **Not safe**", "not_checked": "❔ **Not checked**"}
_CONCLUSION: dict[str, Conclusion] = {"safe": "success", "broken": "failure", "not_checked": "neutral"}
_BAR = 24
_JSON = "<details><summary>The same for programs</summary>\n\n```json\n"
_APART = {
    "bubblewrap": "without a network, seeing only its own files",
    "pod": "in a pod of its own, with none of Bolide's keys and the network that the cluster's policy leaves it",
    "unshare": "without a network",
    "process": "within limits, but not cut off",
    "": "nowhere",
}
"""How the code ran, by isolation."""
_SENTENCE = 2_000  # characters of a foreign sentence that are shown

Row = tuple[str, str, str, float | None]


def waiting(sha: str) -> Report:
    """The check run while the evidence is being gathered."""
    return Report(sha, CHECK, "Evidence is being gathered", "Today's and the proposed lock are being tried out.", None)


def checked(sha: str, evidence: Evidence) -> Report:
    """The check run that carries the evidence."""
    found = verdict(evidence.before, evidence.after)
    figures = _as_json(found, evidence)
    shown = bounded(f"{headline(found)}\n\n{render(evidence)}", MAX_CHARACTERS - len(figures) - 2)
    summary = f"{shown}\n\n{figures}"
    return Report(sha, CHECK, _title(found, evidence.after), summary, _CONCLUSION[found.kind])


def read_json(summary: str) -> dict[str, Any]:
    """The figures that `checked` put into a check run's summary; empty where there are none."""
    _, begun, rest = summary.rpartition(_JSON)
    return dict(json.loads(rest.partition("\n```\n")[0])) if begun else {}


def _title(found: Verdict, after: Examination) -> str:
    """What was seen to work, and nothing else."""
    if found.kind != "safe":
        return "Does not work" if found.kind == "broken" else "Not checked"
    seen = ["boots"] if isinstance(after.service, ServiceResult) else []
    seen += ["predicts"] if _latency(after, lambda latency: latency.p50_ms) is not None else []
    seen += ["trains"] if isinstance(after.training, TrainingResult) else []
    return " and ".join(filter(None, (", ".join(seen[:-1]), seen[-1]))).capitalize()


def _as_json(found: Verdict, evidence: Evidence) -> str:
    figures = {"verdict": found.kind, "before": _figures(evidence.before), "after": _figures(evidence.after)}
    shown = json.dumps(figures, indent=1, sort_keys=True)
    return f"{_JSON}{shown}\n```\n\n</details>"


def _figures(examination: Examination) -> dict[str, float | None]:
    return {
        "accuracy": _accuracy(examination, lambda accuracy: accuracy.accuracy),
        "p50_ms": _latency(examination, lambda latency: latency.p50_ms),
        "p99_ms": _latency(examination, lambda latency: latency.p99_ms),
        "service_peak_memory_mb": _service(examination, lambda service: service.peak_memory_mb),
        "service_size_mb": _service(examination, lambda service: service.size_mb),
        "training_seconds": _training(examination, lambda training: training.seconds),
        "training_peak_memory_mb": _training(examination, lambda training: training.peak_memory_mb),
    }


def with_evidence(body: str, evidence: Evidence) -> str:
    """The pull request's body with verdict and figures in place; raises Refused where their sections are gone."""
    found = verdict(evidence.before, evidence.after)
    return bounded(replace_section(replace_section(body, "verdict", headline(found)), "evidence", render(evidence)))


def without_sections(body: str, evidence: Evidence) -> str:
    """The body as a person rewrote it, with the evidence put on top."""
    found = verdict(evidence.before, evidence.after)
    return bounded(f"{headline(found)}\n\n{render(evidence)}\n\n{body}")


def renewed(body: str, evidence: Evidence) -> str:
    """The body with the evidence in it, wherever it fits."""
    try:
        return with_evidence(body, evidence)
    except Refused:
        return without_sections(body, evidence)


def not_checked(body: str, refusal: str) -> str:
    """The body that says why there is no evidence, in place of the promise that it is coming."""
    found = Verdict("not_checked", refusal)
    try:
        return bounded(replace_section(replace_section(body, "verdict", headline(found)), "evidence", ""))
    except Refused:
        return bounded(f"{headline(found)}\n\n{body}")


def headline(found: Verdict) -> str:
    """The verdict in one line."""
    return f"{_SIGN[found.kind]}: {quoting(found.sentence[:_SENTENCE])}"


def render(evidence: Evidence) -> str:
    """Figures of both locks side by side, what failed with the end of its log, and how it was measured."""
    before, after = evidence.before, evidence.after
    rows = _rows(before, after)
    parts = ["### Evidence", table(("", "today's lock", "proposed lock"), [row[:3] for row in rows])]
    parts += [chart] if (chart := _chart(rows)) else []
    for name, examination in (("Proposed lock", after), ("Today's lock", before)):
        parts += [_failure(name, failure) for failure in examination.failures]
    found = verdict(before, after)
    parts += ["".join(f"- {quoting(remark[:_SENTENCE])}\n" for remark in found.remarks)] if found.remarks else []
    parts.append(_method(before, after))
    return "\n\n".join(parts)


def _rows(before: Examination, after: Examination) -> list[Row]:
    """Label, today, proposed, and proposed ÷ today where both are figures."""
    rows: list[Row] = []

    def add(label: str, pick: Callable[[Examination], float | None], form: str, *, ratio: bool = True) -> None:
        was, now = pick(before), pick(after)
        if was is None and now is None:
            return
        share = now / was if ratio and was and now is not None else None
        rows.append((label, _shown(was, form), _shown(now, form), share))

    rows.append(("result", _outcome(before), _outcome(after), None))
    add(
        "accuracy after the short training", lambda x: _accuracy(x, lambda a: a.accuracy * 100), "{:.2f} %", ratio=False
    )
    add(
        "worst digit's recall",
        lambda x: _accuracy(x, lambda a: min(a.per_class_recall) * 100 if a.per_class_recall else None),
        "{:.2f} %",
        ratio=False,
    )
    add("p50 of one prediction", lambda x: _latency(x, lambda p: p.p50_ms), "{:.2f} ms")
    add("p99 of one prediction", lambda x: _latency(x, lambda p: p.p99_ms), "{:.2f} ms")
    add("service: peak memory", lambda x: _service(x, lambda s: s.peak_memory_mb), "{:.0f} MiB")
    add("service: installed size", lambda x: _service(x, lambda s: s.size_mb), "{:.0f} MiB")
    add("service: import", lambda x: _service(x, lambda s: s.import_seconds), "{:.2f} s")
    add("training: seconds", lambda x: _training(x, lambda t: t.seconds), "{:.1f} s")
    add("training: CPU seconds", lambda x: _training(x, lambda t: t.cpu_seconds), "{:.1f} s")
    add("training: peak memory", lambda x: _training(x, lambda t: t.peak_memory_mb), "{:.0f} MiB")
    add("training: installed size", lambda x: _training(x, lambda t: t.size_mb), "{:.0f} MiB")
    return rows


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _outcome(examination: Examination) -> str:
    parts = []
    for name, part in (("training", examination.training), ("service", examination.service)):
        match part:
            case Failure(phase=phase):
                parts.append(f"{name} **fails** ({phase})")
            case NotExamined():
                parts.append(f"{name} not examined")
            case _:
                parts.append(f"{name} works")
    return ", ".join(parts)


def _service(examination: Examination, pick: Callable[[ServiceResult], float]) -> float | None:
    return pick(examination.service) if isinstance(examination.service, ServiceResult) else None


def _training(examination: Examination, pick: Callable[[TrainingResult], float]) -> float | None:
    return pick(examination.training) if isinstance(examination.training, TrainingResult) else None


def _latency(examination: Examination, pick: Callable[[Latency], float]) -> float | None:
    match examination.service:
        case ServiceResult(predictions=Latency() as latency):
            return pick(latency)
    return None


def _accuracy(examination: Examination, pick: Callable[[Accuracy], float | None]) -> float | None:
    match examination.training:
        case TrainingResult(accuracy=Accuracy() as accuracy):
            return pick(accuracy)
    return None


def _chart(rows: list[Row]) -> str:
    """Proposed ÷ today as bars; shorter is better in each of them."""
    shares = [(label, share) for label, _, _, share in rows if share is not None]
    if not shares:
        return ""
    longest = max(1.0, *(share for _, share in shares))
    width = max(len(label) for label, _ in shares)
    lines = [
        f"{label:<{width}}  {'█' * max(1, round(share / longest * _BAR)):<{_BAR}} {share:.2f}×"
        for label, share in shares
    ]
    return f"Proposed ÷ today; less is better:\n\n{fenced(chr(10).join(lines))}"


def _failure(name: str, failure: Failure) -> str:
    log = fenced("\n".join(failure.log_tail.splitlines()[-30:]) or "(no output)", most=4_000)
    return f"**{name}, {failure.phase}**: {quoting(failure.sentence[:_SENTENCE])}\n\n{log}"


def _method(before: Examination, after: Examination) -> str:
    seconds = before.seconds + after.seconds
    return (
        "<details><summary>How this was measured</summary>\n\n"
        "Each lock was installed into an environment of its own, from wheels, by hash; then the repository's code "
        f"ran {_APART[after.isolation]} (isolation: {after.isolation or 'nothing ran'}): the short training, its "
        "evaluation on the test images, the service on the model just trained, its readiness, and every known digit "
        "several times over one connection. Both locks ran one after the other on the same machine; together "
        f"{seconds:.0f} s.\n\n</details>"
    )
