"""The probe in this process; test_laboratory.py runs it as it is meant to run, in a jail."""

import json
import socket
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.adapters import probe

ECHO = """
import json
def create_app():
    def application(environ, start_response):
        path = environ["PATH_INFO"]
        start_response("404 Not Found" if path in ("/readyz", "/healthz") else "200 OK", [])
        if environ["REQUEST_METHOD"] == "GET":
            return [b"<p>fine</p>"]
        image = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["inputs"]
        return [json.dumps(ANSWER).encode()]
    return application
"""
RIGHT = "{'prediction': image[0][0]}"


@pytest.fixture(autouse=True)
def _import_path() -> Iterator[None]:
    before = sys.path[:]
    yield
    sys.path[:] = before


def probed(folder: Path, text: str, attribute: str, **questions: Any) -> list[dict[str, Any]]:
    """The lines that the probe writes about a service of this text."""
    name = f"service_{uuid.uuid4().hex}"
    (folder / f"{name}.py").write_text(text)
    result = folder / "result.jsonl"
    golden = folder / "golden.json"
    golden.write_text(json.dumps({"inputs": [[[digit] * 28] * 28 for digit in range(10)], "labels": list(range(10))}))
    asked = {"golden": str(golden), "requests": 20, "answer_seconds": 0.2, "import_seconds": 30, **questions}
    status = probe.main(
        json.dumps({"target": f"{name}:{attribute}", "result": str(result), "paths": [str(folder)]} | asked)
    )
    lines = [json.loads(line) for line in result.read_text().replace(name, "service").splitlines()]
    assert status == int(any("failed" in line for line in lines))
    return lines


def test_it_goes_through_all_phases(tmp_path: Path) -> None:
    lines = probed(tmp_path, ECHO.replace("ANSWER", RIGHT), "create_app()", version="/version", predict="/predict")
    done = {line["done"]: line for line in lines if "done" in line}
    assert list(done) == ["import", "boot", "ready", "version", "predict", "memory"]
    assert done["ready"]["said"] == "GET /health answered 200"
    assert done["predict"]["n"] == 20
    assert 0 < done["predict"]["p50_ms"] <= done["predict"]["p99_ms"]
    assert done["memory"]["peak_mb"] > 5
    assert done["import"]["seconds"] > 0


def test_it_only_starts_the_service_where_that_is_asked(tmp_path: Path) -> None:
    lines = probed(tmp_path, ECHO, "create_app()", only_boot=True)
    assert [line["done"] for line in lines if "done" in line] == ["import", "boot", "memory"]


@pytest.mark.parametrize(
    ("text", "attribute", "phase", "sentence", "culprit"),
    [
        (
            "import absent",
            "app",
            "import",
            "importing `service` failed: ModuleNotFoundError: No module named 'absent'.",
            "service",
        ),
        (
            "app = (",
            "app",
            "import",
            "importing `service` failed: SyntaxError in service.py line 1: '(' was never closed.",
            "service",
        ),
        ("raise SystemExit(3)", "app", "import", "importing `service` ended the process: sys.exit(3).", "service"),
        ("raise RuntimeError", "app", "import", "importing `service` failed: RuntimeError.", "service"),
        ("other = 1", "app", "boot", "`service` has no `app`.", None),
        ("app = []", "app", "boot", "`service:app` is a list, not a WSGI application.", None),
        ("def app(): return 1", "app()", "boot", "`service:app()` is a int, not a WSGI application.", None),
        (
            "def app(): raise SystemExit('no')",
            "app()",
            "boot",
            "`service:app()` ended the process: sys.exit('no').",
            None,
        ),
        ("def app(): return {}['key']", "app()", "boot", "`service:app()` failed: KeyError: 'key'.", None),
        (
            "def app(): import absent",
            "app()",
            "boot",
            "importing `service` failed: ModuleNotFoundError: No module named 'absent'.",
            "service",
        ),
    ],
)
def test_what_does_not_start_is_told(
    tmp_path: Path, text: str, attribute: str, phase: str, sentence: str, culprit: str | None
) -> None:
    last = probed(tmp_path, text, attribute)[-1]
    last["sentence"] = last["sentence"].replace(f"{tmp_path}/", "")
    assert last == {"failed": phase, "sentence": sentence, "culprit": culprit}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("{'prediction': 3}", "POST /predict took the known digit 0 for 3."),
        ("{'digit': 0}", "POST /predict answered the known digit 0 without a `prediction` in JSON."),
        ("[]", "POST /predict answered the known digit 0 without a `prediction` in JSON."),
        ("absent", "POST /predict answered 500 to the known digit 0."),
    ],
)
def test_a_wrong_answer_is_told(tmp_path: Path, answer: str, sentence: str) -> None:
    last = probed(tmp_path, ECHO.replace("ANSWER", answer), "create_app()", predict="/predict")[-1]
    assert (last["failed"], last["sentence"]) == ("predict", sentence)


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        ("503 No", b'{"reason": "no model."}', "GET /up answered 503: no model."),
        ("503 No", b'{"detail": "no hash"}', "GET /up answered 503: no hash."),
        ("503 No", b"warming up", "GET /up answered 503: warming up."),
        ("500 No", b"<html>oh</html>", "GET /up answered 500."),
        ("404 No", b"", "GET /up answered 404."),
    ],
)
def test_a_service_that_is_not_ready_tells_its_reason(tmp_path: Path, status: str, body: bytes, sentence: str) -> None:
    text = f"def app(environ, start):\n    start({status!r}, [])\n    return [{body!r}]"
    last = probed(tmp_path, text, "app", ready="/up")[-1]
    assert (last["failed"], last["sentence"]) == ("ready", sentence)


def test_a_version_that_is_not_told_is_a_failure(tmp_path: Path) -> None:
    text = "def app(e, start):\n    start('200 OK' if e['PATH_INFO'] == '/' else '410 Gone', [])\n    return [b'']"
    last = probed(tmp_path, text, "app", ready="/", version="/version")[-1]
    assert (last["failed"], last["sentence"]) == ("version", "GET /version answered 410.")


def test_a_service_that_never_answers_is_told(tmp_path: Path) -> None:
    text = "import time\ndef app(environ, start):\n    time.sleep(2)\n    start('200 OK', [])\n    return [b'']"
    last = probed(tmp_path, text, "app", ready="/")[-1]
    assert (last["failed"], last["sentence"]) == ("ready", "GET / was not answered: TimeoutError: timed out.")


def test_known_digits_that_are_none_are_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"inputs": [], "labels": []}')
    last = probed(tmp_path, ECHO, "create_app()", predict="/predict", golden=str(empty))[-1]
    assert last["sentence"] == "golden.json holds no digit; train again."


def test_a_listening_socket_of_its_own_is_noticed() -> None:
    with socket.create_server(("127.0.0.1", 0)):
        assert probe._listens()


def test_the_slower_a_service_the_fewer_questions(tmp_path: Path) -> None:
    slow = ECHO.replace("ANSWER", RIGHT).replace("image = ", "import time; time.sleep(0.02); image = ")
    lines = probed(tmp_path, slow, "create_app()", predict="/predict", requests=1000, answer_seconds=0.5)
    done = next(line for line in lines if line.get("done") == "predict")
    assert 10 <= done["n"] < 100
    assert done["p50_ms"] >= 20
