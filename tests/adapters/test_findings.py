import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.environments import Installed
from bot.adapters.findings import command_failure, read_accuracy, read_result, service_result
from bot.adapters.jail import Finished, Stop
from bot.core.evidence import Accuracy, Failure, NotExamined, ServiceRecipe

ENDED = Finished(0, "one\n\ntwo", 12.3, 45.6, 789.0, "bubblewrap", None)
INSTALLED = Installed(Path("/e"), Path("/e/bin/python"), 10.0, 1.0, reused=False)
SERVICE = ServiceRecipe(("packages",), (), "app:app", "", "", "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "FileNotFoundError"),
        ("{", "JSONDecodeError"),
        ("[]", "AttributeError"),
        ("{}", "KeyError: 'accuracy'"),
        ('{"accuracy": null}', "TypeError"),
        ('{"accuracy": "high"}', "ValueError"),
        ('{"accuracy": NaN}', "not a share from 0 to 1"),
        ('{"accuracy": 99.1}', "tells an accuracy of 99.1, which is not a share from 0 to 1"),
        (" " * 1_000_001, "too large"),
    ],
)
def test_metrics_that_cannot_be_used_are_no_accuracy(tmp_path: Path, text: str | None, reason: str) -> None:
    path = tmp_path / "metrics.json"
    if text is not None:
        path.write_text(text)
    said = read_accuracy(path)
    assert isinstance(said, NotExamined)
    assert reason in said.reason


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "other").write_text('{"accuracy": 0.5}')
    (tmp_path / "link").symlink_to(tmp_path / "other")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        assert isinstance(read_accuracy(tmp_path / name), NotExamined)
        assert read_result(tmp_path / name, str) == []


def test_metrics_need_the_accuracy_only(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text('{"accuracy": 0.5}')
    assert read_accuracy(tmp_path / "metrics.json") == Accuracy(0.5, (), 0)


@pytest.mark.parametrize(
    ("stopped", "said"),
    [
        ("time", "it had not ended after 12 s"),
        ("cpu", "it had used 46 s of CPU time"),
        ("memory", "it had taken 789 MiB of memory"),
        ("disk", "it went beyond its limit of disk"),
        ("processes", "it went beyond its limit of processes"),
    ],
)
def test_a_command_that_was_stopped_tells_the_limit(stopped: Stop, said: str) -> None:
    failure = command_failure("train", "The training", ("python", "t.py"), replace(ENDED, stopped=stopped))
    assert failure
    assert failure.sentence == f"The training (`python t.py`) was stopped: {said}."


@pytest.mark.parametrize(("code", "said"), [(2, "exit code 2"), (137, "signal 9"), (-11, "signal 11")])
def test_a_command_that_failed_tells_its_last_line(code: int, said: str) -> None:
    failure = command_failure("train", "The training", ("t",), replace(ENDED, returncode=code))
    assert failure == Failure("train", f"The training (`t`) ended with {said}: two", "one\n\ntwo")
    silent = command_failure("train", "The training", ("t",), replace(ENDED, returncode=code, output_tail=""))
    assert silent
    assert silent.sentence.endswith(f"{said}: –")


def test_a_command_that_lacks_a_module_names_it() -> None:
    output = "Traceback\nModuleNotFoundError: No module named 'keras.src'\n"
    failure = command_failure("train", "The training", ("t",), replace(ENDED, returncode=1, output_tail=output))
    assert failure
    assert failure.culprit == "keras"
    assert command_failure("train", "The training", ("t",), ENDED) is None


@pytest.mark.parametrize("figures", [{}, {"seconds": "fast"}, {"seconds": None}])
def test_a_result_that_the_service_has_spoiled_is_a_failure(figures: dict[str, Any]) -> None:
    lines = [{"begin": "import"}, {"done": "import", **figures}, {"done": "memory", "peak_mb": 1}]
    said = service_result(lines, ENDED, SERVICE, INSTALLED)
    assert isinstance(said, Failure)
    assert "result that cannot be read" in said.sentence


def test_lines_that_are_not_the_probes_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    noise = [
        "noise",
        "[1]",
        '{"done": ["import"]}',
        '{"failed": "other"}',
        '{"begin": "boot", "done": {}}',
        "[" * 99_999,
    ]
    path.write_text("\n".join(['{"begin": "import"}', *noise, '{"done": "import"}']))
    assert read_result(path, str) == [{"begin": "import"}, {"done": "import"}]
    assert read_result(tmp_path / "absent", str) == []
    said = service_result([], replace(ENDED, stopped="memory"), SERVICE, INSTALLED)
    assert isinstance(said, Failure)
    assert said.sentence == (
        "The service `app:app` was stopped: it had taken 789 MiB of memory (while it was imported)."
    )


def test_a_failure_in_a_phase_of_no_known_name_is_one_of_the_start(tmp_path: Path) -> None:
    path = tmp_path / "result.jsonl"
    path.write_text(json.dumps({"failed": "memory", "sentence": "oh.", "culprit": None}) + "\n")
    assert service_result(read_result(path, str), ENDED, SERVICE, INSTALLED) == Failure("boot", "Oh.", "one\n\ntwo")
