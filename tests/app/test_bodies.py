"""What may be sent beside one image as JSON: batches, arrays, bytes, shares of white."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.problem import Problem
from app.request import MOST_IMAGES, Images, read_images
from tests.app.test_predict import ask, problem_of

NPY, BYTES = "application/x-npy", "application/octet-stream"


@pytest.fixture(scope="session")
def digits(model_dir: Path) -> tuple[NDArray[np.uint8], list[int]]:
    document = json.loads((model_dir / "golden.json").read_text())
    return np.array(document["inputs"], dtype=np.uint8), document["labels"]


def npy(array: NDArray[np.generic]) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_a_batch_is_answered_in_its_order_whatever_its_form(
    client: FlaskClient, digits: tuple[NDArray[np.uint8], list[int]]
) -> None:
    images, labels = digits
    bodies: list[tuple[str | bytes, str]] = [
        (json.dumps({"inputs": images.tolist()}), "application/json"),
        (npy(images), NPY),
        (npy(images.astype(np.float64)), NPY),
        (npy((images / 255).astype(">f4")), NPY),
        (images.tobytes(), BYTES),
    ]
    for body, kind in bodies:
        document = ask(client, body, kind).get_json()
        assert [answer["prediction"] for answer in document["predictions"]] == labels, kind
        assert list(document) == ["predictions", "latency", "latency_ms", "model"]
        assert document["latency"] == pytest.approx(document["latency_ms"] / 1000, abs=1e-6)


def test_one_image_is_answered_as_one_whatever_its_form(
    client: FlaskClient, digits: tuple[NDArray[np.uint8], list[int]]
) -> None:
    image = digits[0][5]
    expected = ask(client, json.dumps({"inputs": image.tolist()})).get_json()["probabilities"]
    bodies: list[tuple[str | bytes, str]] = [
        (npy(image), NPY),
        (npy(image.astype(np.int64)), NPY),
        (image.tobytes(), BYTES),
        (json.dumps({"inputs": (image / 255).tolist()}), "application/json"),
    ]
    for body, kind in bodies:
        assert ask(client, body, kind).get_json()["probabilities"] == expected, kind


def test_a_batch_of_one_is_a_batch(client: FlaskClient) -> None:
    empty = [[[0] * 28] * 28]
    assert len(ask(client, json.dumps({"inputs": empty})).get_json()["predictions"]) == 1
    assert len(ask(client, npy(np.zeros((1, 28, 28), np.uint8)), NPY).get_json()["predictions"]) == 1


def claimed(shape: str, descr: str = "'|u1'", *, version: bytes = b"\x01\x00") -> bytes:
    """A .npy file whose header claims what is not there."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header


WRONG: list[tuple[bytes, str, int, str]] = [
    (b"", BYTES, 400, "784 bytes an image, not 0 bytes"),
    (b"\0" * 785, BYTES, 400, "not 785 bytes"),
    (b"\0" * 784 * (MOST_IMAGES + 1), BYTES, 413, "257 images: at most 256"),
    (b"", NPY, 400, "no sound header"),
    (b"\x93NUMPY\x03\x00", NPY, 400, "its version is 3.0"),
    (claimed("(28, 28)")[:40], NPY, 400, "no sound header"),
    (claimed("(28, 28"), NPY, 400, "no sound header"),
    (claimed("(28, 28)"), NPY, 400, "0 bytes of numbers are not its shape"),
    (claimed("(10000, 28, 28)"), NPY, 413, "10000 images"),
    (claimed(f"({10**30}, 28, 28)"), NPY, 413, f"{10**30} images"),
    (claimed("(0, 28, 28)"), NPY, 400, "must hold [28, 28] or [n, 28, 28]"),
    (claimed("(28,)"), NPY, 400, "not [28]"),
    (npy(np.zeros((28, 28), "U1")), NPY, 400, "integers or floats by rows, not <U1"),
    (npy(np.array([[None] * 28] * 28)), NPY, 400, "integers or floats by rows, not object"),
    (npy(np.asfortranarray(np.zeros((28, 28)))), NPY, 400, "by rows"),
    (npy(np.full((28, 28), np.nan)), NPY, 400, "numbers 0–255; at least one is not"),
    (npy(np.full((28, 28), 256)), NPY, 400, "numbers 0–255; at least one is not"),
    (npy(np.full((28, 28), -1)), NPY, 400, "numbers 0–255; at least one is not"),
]


@pytest.mark.parametrize(("body", "kind", "status", "detail"), WRONG, ids=[detail for *_, detail in WRONG])
def test_arrays_and_bytes_that_are_no_images_are_refused(
    client: FlaskClient, body: bytes, kind: str, status: int, detail: str
) -> None:
    answer = ask(client, body, kind)
    assert (answer.status_code, detail in problem_of(answer)["detail"]) == (status, True), answer.data


def test_a_batch_of_ten_thousand_is_a_413(client: FlaskClient) -> None:
    small = json.dumps({"inputs": [[[0]]] * 10_000})
    answer = ask(client, small)
    assert (answer.status_code, problem_of(answer)["detail"]) == (
        413,
        "The body holds 10000 images: at most 256 are answered at once.",
    )
    assert ask(client, json.dumps({"inputs": [[[0] * 28] * 28] * 10_000})).status_code == 413


SOUND = npy(np.zeros((28, 28), np.uint8))


@given(st.integers(0, 127), st.integers(0, 255), st.integers(0, len(SOUND)))
@settings(max_examples=200)
def test_an_npy_file_with_any_byte_wrong_is_an_image_or_a_problem(place: int, value: int, length: int) -> None:
    body = SOUND[:place] + bytes([value]) + SOUND[place + 1 :]
    for told in (body, body[:length]):
        match read_images(told, NPY, ""):
            case Problem(status=status):
                assert status in (400, 413)
            case Images(pixels=pixels):
                assert (pixels.shape[1:], pixels.dtype.name) == ((28, 28), "uint8")
