"""The service as a process: on a socket that it is handed, many callers, the smoke command, the signal to stop."""

import http.client
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.app.serving import CHECKOUT, predict, served


def smoke(*arguments: str, model_dir: Path | str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.smoke", *arguments],
        cwd=CHECKOUT,
        env={"MODEL_DIR": str(model_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_many_callers_at_once_get_their_own_answers_and_smoke_agrees(model_dir: Path, tmp_path: Path) -> None:
    golden = json.loads((model_dir / "golden.json").read_text())
    with served(model_dir, "c0ffee", tmp_path / "log") as url:
        with ThreadPoolExecutor(12) as callers:
            bodies = [{"inputs": image} for image in golden["inputs"]] * 30
            answers = list(callers.map(lambda body: predict(url, body), bodies))
        assert answers == golden["labels"] * 30

        right = smoke(url, "c0ffee", model_dir=model_dir)
        assert (right.returncode, right.stderr) == (0, "")
        assert "serves commit c0ffee" in right.stdout
        assert "10 golden digits right" in right.stdout
        other = smoke(url + "/", "decaf", "--golden", str(model_dir / "golden.json"))
        assert (other.returncode, other.stderr) == (1, "/version answers commit c0ffee, not decaf.\n")

        lying = tmp_path / "golden.json"
        lying.write_text(json.dumps(golden | {"labels": [0, 2, *golden["labels"][2:]]}))
        wrong = smoke(url, "c0ffee", "--golden", str(lying))
        assert (wrong.returncode, wrong.stderr) == (1, "/predict takes the golden 2 for a 1.\n")


def test_a_large_body_sent_in_chunks_is_refused_and_the_service_lives_on(model_dir: Path, tmp_path: Path) -> None:
    with served(model_dir, "c0ffee", tmp_path / "log") as url, ExitStack() as stack:
        connection = stack.enter_context(closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)))
        chunks = (b" " * 65536 for _ in range(32))
        connection.request("POST", "/predict", body=chunks, headers={"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("Content-Type")) == (413, "application/problem+json")
        assert predict(url, {"inputs": [[0] * 28] * 28}) in range(10)


def test_smoke_tells_why_a_service_is_not_ready(tmp_path: Path, model_dir: Path) -> None:
    (tmp_path / "empty").mkdir()
    with served(tmp_path / "empty", "c0ffee", tmp_path / "log") as url:
        outcome = smoke(url, "c0ffee", model_dir=model_dir)
        assert outcome.returncode == 1
        assert outcome.stderr.startswith("/readyz answers 503: Cannot read ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("http://127.0.0.1:9", "c0ffee"), "http://127.0.0.1:9 does not answer /readyz"),
        (("file:///etc/passwd", "c0ffee"), "file:///etc/passwd is not an http or https URL."),
        (("http://127.0.0.1:9", "c0ffee", "--golden", "/nowhere"), "Cannot read /nowhere"),
        (("http://127.0.0.1:9", "c0ffee", "--golden", "/dev/null"), "/dev/null is not a golden set"),
    ],
)
def test_smoke_without_a_service_ends_with_one_sentence(
    model_dir: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = smoke(*arguments, model_dir=model_dir)
    assert (outcome.returncode, outcome.stderr.startswith(sentence)) == (1, True), outcome.stderr
    assert outcome.stderr.count("\n") == 1


LATER = {"flask", "prometheus_client", "app.p256"}


@pytest.mark.parametrize(
    ("start", "spared"),
    [
        ("import sys, app; app.create_app()", {"PIL", "tensorflow", "keras"}),
        ("import sys, app.door; app.door.Door(app.service.Service.of())", {"PIL", "tensorflow", "keras", *LATER}),
    ],
)
def test_the_service_does_not_import_what_the_first_prediction_does_not_need(start: str, spared: set[str]) -> None:
    question = f"{start}; print({spared!r} & set(sys.modules))"
    asked = subprocess.run(
        [sys.executable, "-c", question], cwd=CHECKOUT, env={}, capture_output=True, text=True, check=True
    )
    assert asked.stdout == "set()\n"
