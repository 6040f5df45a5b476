"""The running service when its model is replaced, when it is told to stop, when callers misbehave."""

import hashlib
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests.app.serving import CHECKOUT, Served, predict, serving, wait_for

EMPTY = {"inputs": [[0] * 28] * 28}


def connected(service: Served) -> closing[http.client.HTTPConnection]:
    return closing(http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=20))


def ask(connection: http.client.HTTPConnection, body: object) -> tuple[http.client.HTTPResponse, dict[str, object]]:
    connection.request("POST", "/predict", json.dumps(body).encode(), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return answer, json.loads(answer.read())


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def metrics(service: Served) -> str:
    with urlopen(f"{service.url}/metrics", timeout=10) as answer:  # noqa: S310  # loopback
        return str(answer.read().decode())


def write_model(folder: Path, source: Path, name: str, content: bytes | None = None) -> None:
    """Another model under another id, in the order in which the training writes: the card away first, and back last."""
    card = json.loads((source / "card.json").read_text())
    content = content or (source / "model.tflite").read_bytes()
    (folder / "card.json").unlink(missing_ok=True)
    (folder / "model.tflite").write_bytes(content)
    document = json.dumps(card | {"model_id": name, "sha256": hashlib.sha256(content).hexdigest()})
    (folder / "card.partial").write_text(document)
    (folder / "card.partial").replace(folder / "card.json")


@contextmanager
def asking(service: Served) -> Iterator[list[str]]:
    """Callers on kept and on new connections; the models that answered them, or what went wrong."""
    seen: list[str] = []
    stopped = threading.Event()

    def call(*, keep: bool) -> None:
        with connected(service) as connection:
            while not stopped.is_set():
                try:
                    answer, document = ask(connection, EMPTY)
                    seen.append(str(document["model"]) if answer.status == 200 else f"failed: {document}")
                except OSError as problem:
                    seen.append(f"failed: {problem!r}")
                if not keep:
                    connection.close()
                time.sleep(0.005)

    threads = [threading.Thread(target=call, kwargs={"keep": number % 2 == 0}) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def test_a_new_model_takes_over_between_two_requests_and_a_bad_one_is_refused(model_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(model_dir, tmp_path / "model"))
    first = json.loads((folder / "card.json").read_text())["model_id"]
    with serving(folder, "c0ffee", tmp_path / "log") as service, asking(service) as seen:
        until(lambda: first in seen)
        write_model(folder, model_dir, "second")
        until(lambda: "second" in seen)
        for number, bad in enumerate(
            (b"TFL3 is not enough" * 100, b"\x80\x04\x95a pickle", b"\x89HDF\r\n\x1a\n a .keras")
        ):
            write_model(folder, model_dir, f"bad-{number}", bad)
            until(lambda: f'result="refused"}} {number + 1}.0' in metrics(service))  # noqa: B023  # asked at once
        write_model(folder, model_dir, "third")
        (folder / "model.tflite").write_bytes(b"changed after its card")
        write_model(folder, model_dir, "fourth")
        until(lambda: "fourth" in seen)
        told = metrics(service)
    assert [name for name in dict.fromkeys(seen) if name != "third"] == [first, "second", "fourth"]
    assert 'bolide_app_model_info{commit="c0ffee",model="fourth"} 1.0' in told
    assert told.count("bolide_app_model_info{") == 1
    log = service.log.read_text()
    assert "The model second serves from now on, in the place of" in log
    assert "A new model was refused, second serves on: " in log


def test_a_service_that_started_without_a_model_takes_the_first_one_in(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with serving(tmp_path / "model", "c0ffee", tmp_path / "log") as service:
        with connected(service) as connection:
            assert ask(connection, EMPTY)[0].status == 503
        shutil.copy(model_dir / "golden.json", tmp_path / "model")
        write_model(tmp_path / "model", model_dir, "first")
        wait_for(f"{service.url}/readyz")
        assert predict(service.url, EMPTY) in range(10)


def test_told_to_stop_it_answers_kept_connections_once_more_and_tells_them_to_go(
    model_dir: Path, tmp_path: Path
) -> None:
    with serving(model_dir, "c0ffee", tmp_path / "log") as service, connected(service) as kept:
        answer, _ = ask(kept, EMPTY)
        assert (answer.status, answer.getheader("Connection")) == (200, None)
        slow = socket.create_connection((kept.host, kept.port), timeout=20)
        body = json.dumps(EMPTY).encode()
        head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        slow.sendall(head.encode() + b"Expect: 100-continue\r\n\r\n" + body[:100])
        assert slow.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so it is under way
        service.process.send_signal(signal.SIGTERM)
        while not answer.getheader("Connection"):
            answer, document = ask(kept, EMPTY)
            assert (answer.status, document["prediction"] in range(10)) == (200, True)
        assert answer.getheader("Connection") == "close"
        slow.sendall(body[100:])
        with slow:
            told = slow.makefile("rb").read()
        assert told.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in told
        assert service.process.wait(timeout=60) == 0


def test_every_request_is_one_line_of_json(model_dir: Path, tmp_path: Path) -> None:
    with serving(model_dir, "c0ffee", tmp_path / "log") as service, connected(service) as connection:
        ask(connection, EMPTY)
        ask(connection, {})
        connection.request("GET", "/nowhere%0a{}")
        connection.getresponse().read()
        lines = service.lines()[-3:]
    assert [(line["method"], line["path"], line["status"]) for line in lines] == [
        ("POST", "/predict", 200),
        ("POST", "/predict", 400),
        ("GET", "/nowhere\n{}", 404),
    ]
    assert all(set(line) == {"at", "method", "path", "status", "ms"} and line["ms"] > 0 for line in lines)


def test_a_hundred_megabytes_are_refused_before_they_are_read(model_dir: Path, tmp_path: Path) -> None:
    with serving(model_dir, "c0ffee", tmp_path / "log") as service:
        netloc = urlsplit(service.url)
        with socket.create_connection((netloc.hostname, netloc.port), timeout=20) as caller:
            caller.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n")
            assert caller.recv(100).startswith(b"HTTP/1.1 413")
        with socket.create_connection((netloc.hostname, netloc.port), timeout=20) as gone:
            gone.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        with socket.create_connection((netloc.hostname, netloc.port), timeout=20) as nonsense:
            nonsense.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            assert nonsense.recv(100).startswith(b"HTTP/1.1 400")
        assert predict(service.url, EMPTY) in range(10)


def test_many_images_and_pictures_are_answered_beside_small_requests(model_dir: Path, tmp_path: Path) -> None:
    with serving(model_dir, "c0ffee", tmp_path / "log") as service, connected(service) as connection:
        golden = json.loads((model_dir / "golden.json").read_text())
        _, document = ask(connection, {"inputs": golden["inputs"] * 10})
        predictions = document["predictions"]
        assert isinstance(predictions, list)
        assert [answer["prediction"] for answer in predictions] == golden["labels"] * 10


def start(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.serve", *arguments],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_taken_port_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = start("--port", str(port))
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"Cannot listen on 127.0.0.1:{port} (")
    assert outcome.stderr.endswith("choose another --port.\n")


def test_in_a_container_the_port_comes_from_the_environment_and_is_open_to_all() -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:  # so that the sentence tells where it would listen
        port = taken.getsockname()[1]
        outcome = start(PORT=str(port))
    assert outcome.stderr.startswith(f"Cannot listen on 0.0.0.0:{port} (")
