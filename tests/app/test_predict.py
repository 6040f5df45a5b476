"""What callers of POST /predict get for good input, bad input and hostile input."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import TestResponse

from app.png import Grey
from app.problem import Problem
from app.request import KINDS, Images, read_images
from tests.app import pictures

Golden = list[tuple[Grey, int]]


@pytest.fixture(scope="session")
def golden(model_dir: Path) -> Golden:
    document = json.loads((model_dir / "golden.json").read_text())
    return [
        (np.array(image, dtype=np.uint8), label)
        for image, label in zip(document["inputs"], document["labels"], strict=True)
    ]


def ask(client: FlaskClient, body: bytes | str, kind: str = "application/json", **headers: str) -> TestResponse:
    return client.post("/predict", data=body, content_type=kind, headers=headers)


def problem_of(answer: TestResponse) -> dict[str, Any]:
    assert answer.content_type == "application/problem+json"
    document: dict[str, Any] = json.loads(answer.data)
    assert set(document) == {"type", "title", "status", "detail"}
    assert document["status"] == answer.status_code
    return document


def test_golden_digits_are_recognised(client: FlaskClient, golden: Golden) -> None:
    for image, label in golden:
        answer = ask(client, json.dumps({"inputs": image.tolist()}))
        assert answer.status_code == 200
        assert answer.content_type == "application/json"
        document = answer.get_json()
        assert list(document) == ["prediction", "probability", "probabilities", "latency", "latency_ms", "model"]
        assert answer.headers["X-Model-Version"] == document["model"]
        assert answer.headers["X-Service-Version"] == "c0ffee"
        assert document["prediction"] == label
        assert document["probability"] == max(document["probabilities"]) == document["probabilities"][label]
        assert sum(document["probabilities"]) == pytest.approx(1, abs=1e-4)
        assert 0 < document["latency_ms"] < 1000


@pytest.mark.parametrize("form", [pictures.grey, pictures.deep, pictures.inked, pictures.large])
def test_a_png_is_seen_as_the_same_digit(client: FlaskClient, golden: Golden, form: Callable[[Grey], bytes]) -> None:
    for image, label in golden:
        by_json = ask(client, json.dumps({"inputs": image.tolist()})).get_json()
        by_png = ask(client, form(image), "image/png").get_json()
        assert by_png["prediction"] == label
        assert by_png["probabilities"] == by_json["probabilities"]


def test_numbers_may_be_fractions_and_extra_fields_are_left_alone(client: FlaskClient, golden: Golden) -> None:
    image, label = golden[3]
    rows = (image - 0.25).clip(0, 255).tolist()
    assert ask(client, json.dumps({"inputs": rows, "note": "x"})).get_json()["prediction"] == label


ROW = [0] * 28


def rows(row: int, column: int, value: object) -> str:
    inputs: list[list[object]] = [list(ROW) for _ in range(28)]
    inputs[row][column] = value
    return json.dumps({"inputs": inputs})


JSON_TOLD: list[tuple[str | bytes, str]] = [
    ("", "The body is not JSON"),
    ("{", "The body is not JSON"),
    (b"\xff\xfe\xfa", "The body is not JSON: 'utf-8' codec can't decode byte 0xff in position 0"),
    ('{"inputs": []}'.encode("utf-16"), "The body is not JSON: 'utf-8' codec"),
    ("[" * 100_000, "nested too deeply"),
    ("null", "the field inputs"),
    ("[]", "the field inputs"),
    ('{"image": []}', "the field inputs"),
    ('{"inputs": null}', "inputs must be a list of 28 rows, or of images, not null"),
    ('{"inputs": "7"}', "inputs must be a list of 28 rows, or of images, not a string"),
    ('{"inputs": {"0": 1}}', "inputs must be a list of 28 rows, or of images, not an object"),
    (json.dumps({"inputs": [ROW] * 27}), "inputs must be a list of 28 rows, not a list of 27"),
    (json.dumps({"inputs": [0] * 784}), "inputs must be a list of 28 rows, not a list of 784"),
    (json.dumps({"inputs": []}), "inputs must be a list of 28 rows, or of images, not a list of 0"),
    (json.dumps({"inputs": [[ROW] * 28, [ROW] * 27]}), "inputs[1] must be a list of 28 rows, not a list of 27"),
    (json.dumps({"inputs": [[ROW] * 28, [ROW] * 27 + [[*ROW[1:], -1]]]}), "inputs[1][27][27] must be a number 0–255"),
    (json.dumps({"inputs": [*[ROW] * 27, ROW[1:]]}), "inputs[27] must be a list of 28 numbers, not a list of 27"),
    (json.dumps({"inputs": [ROW, 3] + [ROW] * 26}), "inputs[1] must be a list of 28 numbers, not 3"),
    (json.dumps({"inputs": [[[0]] * 28] * 28}), "inputs[0][0] must be a list of 28 numbers, not a list of 1"),
    (rows(3, 7, float("nan")), "inputs[3][7] must be a number 0–255, not NaN"),
    (rows(3, 7, float("inf")), "inputs[3][7] must be a number 0–255, not Infinity"),
    (rows(0, 0, -1), "inputs[0][0] must be a number 0–255, not -1"),
    (rows(0, 0, 255.001), "inputs[0][0] must be a number 0–255, not 255.001"),
    (rows(27, 27, "0"), "inputs[27][27] must be a number 0–255, not a string"),
    (rows(27, 27, value=True), "inputs[27][27] must be a number 0–255, not true"),
    (rows(27, 27, None), "inputs[27][27] must be a number 0–255, not null"),
    (rows(5, 5, 10**4000), "inputs[5][5] must be a number 0–255, not a huge integer"),
    ('{"inputs": ' + "9" * 6000 + "}", "The body is not JSON"),
    (rows(5, 5, 0).replace("0", "1e999", 1), "inputs[0][0] must be a number 0–255, not Infinity"),
]


@pytest.mark.parametrize(("body", "detail"), JSON_TOLD, ids=[detail for _, detail in JSON_TOLD])
def test_json_that_is_no_image_is_a_400_that_names_the_field(
    client: FlaskClient, body: str | bytes, detail: str
) -> None:
    answer = ask(client, body)
    assert (answer.status_code, detail in problem_of(answer)["detail"]) == (400, True), answer.data


EMPTY = np.zeros((28, 28), dtype=np.uint8)
WHOLE = pictures.grey(EMPTY)
NOISE = pictures.saved(Image.fromarray(np.random.default_rng(1).integers(0, 256, (900, 900), dtype=np.uint8)))

PNG_TOLD: list[tuple[bytes, int, str]] = [
    (pictures.header(12_000, 12_000) + pictures.chunk(b"IDAT", b"x"), 413, "12000×12000"),
    (pictures.header(2**31, 2**31), 413, "at most 1048576 pixels"),
    (pictures.header(1025, 1024), 413, "1025×1024"),
    (pictures.header(0, 0) + pictures.chunk(b"IEND", b""), 400, "0×0: it holds no image"),
    (pictures.header(28, 0), 400, "28×0: it holds no image"),
    (pictures.header(28, 28), 400, "is damaged: no image can be read after its header."),
    (pictures.header(28, 28, depth=7) + pictures.chunk(b"IDAT", b"x"), 400, "is damaged"),
    (WHOLE[:20], 400, "is truncated"),
    (WHOLE[: len(WHOLE) // 2], 400, "is damaged"),
    (NOISE[:-5000], 400, "is damaged"),
    (WHOLE.replace(b"IDAT", b"IDAX"), 400, "is damaged"),
    (b"", 415, "is not a PNG file"),
    (b"GIF89a", 415, "is not a PNG file"),
    (pictures.saved(Image.fromarray(EMPTY), "JPEG"), 415, "is not a PNG file"),
    (pictures.saved(Image.fromarray(EMPTY), "TIFF"), 415, "is not a PNG file"),
    (pictures.saved(Image.fromarray(EMPTY), "BMP"), 415, "is not a PNG file"),
    (b"\x89PNG\r\n\x1a\n" + pictures.saved(Image.fromarray(EMPTY), "GIF"), 400, "it has no header"),
]


@pytest.mark.parametrize(("body", "status", "detail"), PNG_TOLD, ids=[f"{s} {d}" for _, s, d in PNG_TOLD])
def test_a_png_that_is_none_or_too_large_is_refused(client: FlaskClient, body: bytes, status: int, detail: str) -> None:
    answer = ask(client, body, "image/png")
    assert (answer.status_code, detail in problem_of(answer)["detail"]) == (status, True), answer.data


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
@settings(max_examples=300)
def test_a_png_with_any_byte_wrong_is_an_image_or_a_problem(place: int, value: int, length: int) -> None:
    body = WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :]
    for told in (body, body[:length]):
        match read_images(told, "image/png", ""):
            case Problem(status=status):
                assert status in (400, 413, 415)
            case Images(pixels=pixels):
                assert (pixels.shape, pixels.dtype.name) == ((1, 28, 28), "uint8")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["inputs", "a"]), inner, max_size=2),
    max_leaves=20,
)


@given(JSON_VALUES)
def test_any_other_json_is_a_400(value: object) -> None:
    told = read_images(json.dumps(value).encode(), "application/json", "")
    assert isinstance(told, Problem)
    assert told.status == 400
    assert len(told.detail) < 300


@pytest.mark.parametrize("kind", ["", "text/plain", "image/jpeg", "application/x-hdf5", "multipart/form-data"])
def test_other_media_types_are_a_415(client: FlaskClient, kind: str) -> None:
    answer = ask(client, rows(0, 0, 0), kind)
    assert (answer.status_code, problem_of(answer)["detail"]) == (
        415,
        f"Content-Type must be one of {', '.join(KINDS)}.",
    )


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_compressed_body_is_a_415(client: FlaskClient, coding: str) -> None:
    answer = ask(client, rows(0, 0, 0), **{"Content-Encoding": coding})
    assert answer.status_code == 415
    assert "Content-Encoding" in problem_of(answer)["detail"]


def test_a_body_above_one_mebibyte_is_a_413(client: FlaskClient) -> None:
    answer = ask(client, b" " * (1024 * 1024 + 1))
    assert (answer.status_code, problem_of(answer)["detail"]) == (413, "The body is larger than 1 MiB.")
    assert ask(client, b" " * (1024 * 1024)).status_code == 400


def test_parameters_of_the_media_type_are_left_alone(client: FlaskClient) -> None:
    assert ask(client, rows(0, 0, 0), "application/json; charset=utf-8").status_code == 200
