"""What the platform, the bot and a stranger get beside predictions."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings import Settings


def test_a_service_with_its_model_is_ready_and_says_what_it_is(client: FlaskClient, model_dir: Path) -> None:
    model_id = json.loads((model_dir / "card.json").read_text())["model_id"]
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()) == (200, {"ready": True, "model": model_id})
    version = client.get("/version").get_json()
    assert version == {"commit": "c0ffee", "lock": "10c4", "model": model_id}


def drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


def replace_model(content: bytes) -> Callable[[Path], None]:
    """Another file under a card that vouches for it."""

    def spoil(folder: Path) -> None:
        card = json.loads((folder / "card.json").read_text()) | {"sha256": hashlib.sha256(content).hexdigest()}
        (folder / "model.tflite").write_bytes(content)
        (folder / "card.json").write_text(json.dumps(card))

    return spoil


def forget_the_id(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({key: card[key] for key in card if key != "model_id"}))


def relabel_golden(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    content = json.dumps(golden | {"labels": [9, *golden["labels"][1:]]}).encode()
    card = json.loads((folder / "card.json").read_text()) | {"golden_sha256": hashlib.sha256(content).hexdigest()}
    (folder / "golden.json").write_bytes(content)
    (folder / "card.json").write_text(json.dumps(card))


SPOILT: list[tuple[Callable[[Path], None], str]] = [
    (drop("card.json"), "Cannot read"),
    (drop("model.tflite"), "Cannot read"),
    (drop("golden.json"), "Cannot read"),
    (write("card.json", b"{"), "card.json is not JSON"),
    (write("card.json", b"[" * 100_000), "card.json is not JSON"),
    (write("card.json", b"[]"), "card.json is not a JSON object"),
    (write("card.json", b"{}"), "model.tflite in"),
    (write("model.tflite", b""), "does not have the sha256 of its card"),
    (write("golden.json", b"{}"), "does not have the sha256 of its card"),
    (replace_model(b""), "fails ("),
    (replace_model(b"TFL3 is not enough" * 100), "fails ("),
    (replace_model(b"\x80\x04\x95a pickle"), "fails ("),
    (forget_the_id, "has no model_id"),
    (relabel_golden, "takes the golden 9 for a 0"),
]


@pytest.mark.parametrize(("spoil", "reason"), SPOILT)
def test_without_a_right_model_it_starts_and_says_why_it_is_not_ready(
    spoilt: Path, spoil: Callable[[Path], None], reason: str
) -> None:
    spoil(spoilt)
    client = create_app(Settings(spoilt)).test_client()
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()["ready"]) == (503, False)
    assert reason in ready.get_json()["reason"]
    assert client.get("/version").get_json() == {"commit": None, "lock": None, "model": None}
    asked = client.post("/predict", json={"inputs": [[0] * 28] * 28})
    assert (asked.status_code, asked.content_type) == (503, "application/problem+json")
    assert json.loads(asked.data)["detail"] == ready.get_json()["reason"]
    with client.get("/") as page:
        assert page.status_code == 200


def test_without_a_model_directory_it_names_the_variable() -> None:
    ready = create_app(Settings.from_env({"MODEL_DIR": ""})).test_client().get("/readyz")
    assert ready.get_json() == {"ready": False, "reason": "MODEL_DIR is not set: set it to a model directory."}


def test_unknown_paths_and_methods_are_problem_documents(client: FlaskClient) -> None:
    for path, method, status in [
        ("/nowhere", "GET", 404),
        ("/page/../settings.py", "GET", 404),
        ("/page/%2e%2e/settings.py", "GET", 404),
        ("/page/nowhere.js", "GET", 404),
        ("/predict", "GET", 405),
        ("/readyz", "DELETE", 405),
    ]:
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), path
        assert json.loads(answer.data)["status"] == status
    refused = client.get("/predict")
    assert "POST" in refused.headers["Allow"]
    assert "see the header Allow" in refused.get_json()["detail"]


def test_a_bug_is_a_500_without_its_inner_life(model_dir: Path) -> None:
    app = create_app(Settings(model_dir))

    @app.get("/bug")
    def bug() -> str:
        raise RuntimeError("the inner life")

    answer = app.test_client().get("/bug")
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert b"inner life" not in answer.data


def series(client: FlaskClient) -> dict[str, float]:
    lines = client.get("/metrics").get_data(as_text=True).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_the_metrics_count_this_app_alone(model_dir: Path) -> None:
    one, other = (create_app(Settings(model_dir, commit="c0ffee")).test_client() for _ in range(2))
    golden = json.loads((model_dir / "golden.json").read_text())
    for _ in range(3):
        one.post("/predict", json={"inputs": golden["inputs"][7]})
    one.post("/predict", json={})
    for path in ("/a", "/b?x=1"):
        one.get(path)
    one.open("/c", method="BREW")
    counted = series(one)
    assert counted['bolide_app_requests_total{method="POST",route="/predict",status="200"}'] == 3
    assert counted['bolide_app_requests_total{method="POST",route="/predict",status="400"}'] == 1
    assert counted['bolide_app_requests_total{method="any",route="unmatched",status="404"}'] == 3
    assert counted['bolide_app_predictions_total{digit="7"}'] == 3
    assert counted['bolide_app_predictions_total{digit="1"}'] == 0
    assert counted['bolide_app_request_seconds_count{route="/predict"}'] == 4
    assert [name for name in counted if name.startswith("bolide_app_model_info") and 'commit="c0ffee"' in name]
    assert series(other)['bolide_app_predictions_total{digit="7"}'] == 0


def test_the_page_needs_nothing_from_elsewhere(client: FlaskClient) -> None:
    with client.get("/") as page:
        text = page.get_data(as_text=True)
    assert page.content_type == "text/html; charset=utf-8"
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "://" not in text
    assert "<style" not in text
    for part in ("page.js", "digit.js", "upload.js", "page.css", "icon.svg", "confusion.html", "confusion.js"):
        with client.get(f"/page/{part}") as answer:
            assert answer.status_code == 200
