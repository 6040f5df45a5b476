"""Reads what a command or the probe left behind: result files and exit codes → values of the evidence."""

import contextlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.adapters.environments import Installed
from bot.adapters.jail import Finished
from bot.core.evidence import Accuracy, Failure, Latency, NotExamined, Phase, ServiceResult
from bot.core.recipe import ServiceRecipe

_MAX_RESULT = 1_000_000
_TAIL_LINES = 30
_ANSWERED_500 = re.compile(r"answered 500( to the known digit \d)?\.$")
_EXCEPTION = re.compile(r"^\w[\w.]*(?:Error|Exception)\b.*$", re.MULTILINE)
_DOING: Mapping[Phase, str] = {
    "import": "while it was imported",
    "boot": "while it started",
    "ready": "while it was asked whether it is ready",
    "version": "while it was asked for its version",
    "predict": "while it was asked known digits",
}


def command_failure(phase: Phase, what: str, command: Sequence[str], finished: Finished) -> Failure | None:
    """Why a stage's command failed, None where it did not."""
    if finished.stopped:
        sentence = f"{what} (`{' '.join(command)}`) was stopped: {_limit(finished)}."
    elif finished.returncode:
        # The last line is the error in a stage's contract and in a traceback alike.
        said = [line for line in finished.output_tail.splitlines() if line.strip()]
        sentence = f"{what} (`{' '.join(command)}`) ended with {_status(finished)}: {said[-1][:300] if said else '–'}"
    else:
        return None
    return Failure(phase, sentence, _tail(finished), _missing_module(finished.output_tail))


def service_result(
    lines: Sequence[Mapping[str, Any]], finished: Finished, recipe: ServiceRecipe, installed: Installed
) -> ServiceResult | Failure:
    """What the probe's lines say, together with how it ended."""
    for line in lines:
        if "failed" in line:
            sentence, culprit = str(line.get("sentence", "")), line.get("culprit")
            sentence = sentence[:1].upper() + sentence[1:]
            if _ANSWERED_500.search(sentence) and (raised := _EXCEPTION.findall(finished.output_tail)):
                sentence = f"{sentence.rstrip('.')} ({raised[-1][:300]})."
            return Failure(_phase(line["failed"]), sentence, _tail(finished), str(culprit) if culprit else None)
    done = {line["done"]: line for line in lines if "done" in line}
    begun = [line["begin"] for line in lines if "begin" in line]
    if finished.stopped or finished.returncode or "memory" not in done:
        phase = _phase(begun[-1] if begun else "import")
        reason = f"was stopped: {_limit(finished)}" if finished.stopped else f"ended with {_status(finished)}"
        return Failure(phase, f"The service `{recipe.wsgi}` {reason} ({_DOING[phase]}).", _tail(finished))
    return _booted(done, finished, installed)


def _booted(done: Mapping[str, Mapping[str, Any]], finished: Finished, installed: Installed) -> ServiceResult | Failure:
    predictions: Latency | NotExamined = NotExamined("No known digit was asked: there is no predict path or no model.")
    try:
        if "predict" in done:
            figures = done["predict"]
            predictions = Latency(float(figures["p50_ms"]), float(figures["p99_ms"]), int(figures["n"]))
        return ServiceResult(
            ready=str(done.get("ready", {}).get("said", "it starts")),
            predictions=predictions,
            import_seconds=float(done["import"]["seconds"]),
            peak_memory_mb=float(done.get("memory", {}).get("peak_mb", finished.peak_memory_mb)),
            size_mb=installed.size_mb,
        )
    except (KeyError, ValueError, TypeError):
        # The result file is within the service's reach, so it can be spoiled.
        return Failure("boot", "The service left a result that cannot be read; it was not examined.", _tail(finished))


def read_result(path: Path, shorten: Callable[[str], str]) -> list[dict[str, Any]]:
    """The lines that the probe wrote, each through `shorten`; what is not one of them is left out."""
    lines = []
    with contextlib.suppress(OSError, ValueError):
        for line in shorten(content_of(path).decode(errors="replace")).splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                lines.append(json.loads(line))
    return [line for line in lines if isinstance(line, dict) and _is_event(line)]


def read_accuracy(path: Path) -> Accuracy | NotExamined:
    """The test result that the evaluation left as metrics.json, or why there is none."""
    try:
        told = json.loads(content_of(path))
        recall = tuple(float(share) for share in told.get("per_class_recall", ()))
        accuracy = Accuracy(float(told["accuracy"]), recall, int(told.get("examples", 0)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return NotExamined(f"The evaluation left no readable metrics.json ({type(error).__name__}: {error}).")
    if not 0 <= accuracy.accuracy <= 1:
        return NotExamined(f"metrics.json tells an accuracy of {accuracy.accuracy}, which is not a share from 0 to 1.")
    return accuracy


def _limit(finished: Finished) -> str:
    match finished.stopped:
        case "time":
            return f"it had not ended after {finished.seconds:.0f} s"
        case "cpu":
            return f"it had used {finished.cpu_seconds:.0f} s of CPU time"
        case "memory":
            return f"it had taken {finished.peak_memory_mb:.0f} MiB of memory"
        case other:
            return f"it went beyond its limit of {other}"


def _status(finished: Finished) -> str:
    code = finished.returncode
    # A sandbox tells of a signal as a shell does, by 128 + its number.
    signal = -code if code < 0 else code - 128 if code > 128 else 0
    return f"signal {signal}" if signal else f"exit code {code}"


def _missing_module(output: str) -> str | None:
    for line in reversed(output.splitlines()):
        if line.startswith("ModuleNotFoundError: No module named "):
            return line.split("'")[1].partition(".")[0]
    return None


def _tail(finished: Finished) -> str:
    return "\n".join(finished.output_tail.splitlines()[-_TAIL_LINES:])


def content_of(path: Path, most: int = _MAX_RESULT) -> bytes:
    """What a plain file of at most so many bytes holds; raises OSError or ValueError for anything else."""
    # The folder was in the hands of code that nobody vouches for: no link is followed, no pipe waited for.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path.name} is not a plain file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path.name} is too large to be read")
    return content


def _is_event(line: Mapping[str, object]) -> bool:
    told = [line[key] for key in ("begin", "done", "failed") if key in line]
    return len(told) == 1 and told[0] in [*_DOING, "memory"]


def _phase(name: object) -> Phase:
    return next((phase for phase in _DOING if phase == name), "boot")
