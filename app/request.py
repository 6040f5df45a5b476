"""From the bytes of a request to 28×28 images, or to the problem with them; pure."""

import io
import json
import tokenize
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.lib import format as npy
from numpy.typing import NDArray

from app.png import SIDE, Grey, read_png
from app.problem import Problem

MOST_IMAGES = 256
PIXELS = SIDE * SIDE
KINDS = ("application/json", "image/png", "application/x-npy", "application/octet-stream")
Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Images:
    """What a body holds: `uint8 [n, 28, 28]`, and whether the caller sent a batch and wants a list of answers."""

    pixels: Grey
    batch: bool


def read_images(body: bytes, content_type: str, content_encoding: str) -> Images | Problem:
    """The images in a body; `content_type` comes without parameters, both in lower case."""
    if content_encoding not in ("", "identity"):
        return Problem(415, f"Content-Encoding {content_encoding!r} is not read: send the body uncompressed.")
    match content_type:
        case "application/json":
            return _from_json(body)
        case "application/octet-stream":
            return _from_bytes(body)
        case "image/png":
            image = read_png(body)
            return image if isinstance(image, Problem) else Images(image[np.newaxis], batch=False)
        case "application/x-npy":
            return _from_npy(body)
        case _:
            return Problem(415, f"Content-Type must be one of {', '.join(KINDS)}.")


def _from_json(body: bytes) -> Images | Problem:
    document = _document(body)
    if isinstance(document, Problem):
        return document
    if not isinstance(document, dict) or "inputs" not in document:
        return Problem(400, "The body must be an object with the field inputs.")
    rows = document["inputs"]
    # orjson gives true and false as bool, which bytes() would take for numbers; a body without an e has neither.
    plain = b"e" not in body or (b"true" not in body and b"false" not in body)
    if plain and (image := _whole_numbers(rows)) is not None:
        return Images(image, batch=False)
    return _from_rows(rows)


def _document(body: bytes) -> Any:
    """What the JSON says, or the Problem with it."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:  # slower, with the reason; and it reads NaN, so that the field can be named
        return json.loads(body.decode("utf-8-sig"))
    except RecursionError:
        return Problem(400, "The body is nested too deeply.")
    except ValueError as problem:
        return Problem(400, f"The body is not JSON: {problem}.")


def _whole_numbers(rows: object) -> Grey | None:
    """28 rows of 28 integers 0–255 as grey values; None for all else, which is looked at slowly."""
    try:
        if isinstance(rows, list) and len(rows) == SIDE and set(map(len, rows)) == {SIDE}:
            content = b"".join(map(bytes, rows))
            if not content.translate(None, b"\0\1"):
                content = content.replace(b"\1", b"\xff")  # shares of white, see _scaled
            return np.frombuffer(content, np.uint8).reshape(1, SIDE, SIDE)
    except (TypeError, ValueError):
        pass
    return None


def _from_rows(inputs: object) -> Images | Problem:
    if not isinstance(inputs, list) or not inputs:
        return Problem(400, f"inputs must be a list of {SIDE} rows, or of images, not {_shape(inputs)}.")
    batch = isinstance(inputs[0], list) and bool(inputs[0]) and isinstance(inputs[0][0], list)
    if not batch:
        wrong = _complaint(inputs, "inputs")
        return wrong or _scaled(np.array([inputs], dtype=np.float64), batch=False)
    if len(inputs) > MOST_IMAGES:
        return _too_many(len(inputs))
    for number, image in enumerate(inputs):
        if wrong := _complaint(image, f"inputs[{number}]"):
            return wrong
    return _scaled(np.array(inputs, dtype=np.float64), batch=True)


def _complaint(rows: object, field: str) -> Problem | None:
    """Why this is no image, naming the first field that is wrong."""
    if not isinstance(rows, list) or len(rows) != SIDE:
        return Problem(400, f"{field} must be a list of {SIDE} rows, not {_shape(rows)}.")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != SIDE:
            return Problem(400, f"{field}[{number}] must be a list of {SIDE} numbers, not {_shape(row)}.")
        for column, value in enumerate(row):
            # Written as "not within": NaN is within nothing.
            if type(value) not in (int, float) or not 0 <= value <= 255:
                return Problem(400, f"{field}[{number}][{column}] must be a number 0–255, not {_shape(value)}.")
    return None


def _shape(value: object) -> str:
    """What a value is, in a few words: it may be a megabyte long."""
    match value:
        case list():
            return f"a list of {len(value)}"
        case bool() | None:
            return json.dumps(value)
        case int() | float():
            text = repr(value) if isinstance(value, float) or value.bit_length() < 64 else "a huge integer"
            return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
        case str():
            return "a string"
        case _:
            return "an object"


def _from_bytes(body: bytes) -> Images | Problem:
    count, rest = divmod(len(body), PIXELS)
    if rest or not count:
        return Problem(400, f"The body must be {PIXELS} bytes an image, not {len(body)} bytes.")
    if count > MOST_IMAGES:
        return _too_many(count)
    return Images(np.frombuffer(body, np.uint8).reshape(count, SIDE, SIDE), batch=count > 1)


def _from_npy(body: bytes) -> Images | Problem:
    """Reads the header alone and then so many bytes as are there: a header may claim any shape, or a pickle."""
    file = io.BytesIO(body)
    try:
        version = npy.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"its version is {version[0]}.{version[1]}, not 1.0 or 2.0")
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, dtype = read_header(file)
    except (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as problem:
        said = str(problem).partition("\n")[0][:200]
        return Problem(400, f"The .npy file has no sound header: {said}.")
    if shape[-2:] != (SIDE, SIDE) or len(shape) not in (2, 3) or 0 in shape:
        return Problem(400, f"The .npy file must hold [28, 28] or [n, 28, 28] numbers, not {list(shape)[:8]}.")
    count = int(np.prod(shape[:-2], dtype=object))
    if count > MOST_IMAGES:
        return _too_many(count)
    if dtype.kind not in "uif" or by_columns:
        return Problem(400, f"The .npy file must hold integers or floats by rows, not {dtype}.")
    content = body[file.tell() :]
    if len(content) != count * PIXELS * dtype.itemsize:
        return Problem(400, f"The .npy file is damaged: {len(content)} bytes of numbers are not its shape.")
    numbers = np.frombuffer(content, dtype).reshape(count, SIDE, SIDE)
    if not ((numbers >= 0) & (numbers <= 255)).all():
        return Problem(400, "The .npy file must hold numbers 0–255; at least one is not.")
    return _scaled(numbers, batch=len(shape) == 3)


def _scaled(numbers: Numbers, *, batch: bool) -> Images:
    """The numbers as grey values; where none is above 1 they are shares of white, as the tutorial's callers send."""
    if numbers.max() <= 1:
        numbers = numbers * 255.0
    if numbers.dtype != np.uint8:
        numbers = np.rint(numbers).astype(np.uint8)
    return Images(numbers, batch)


def _too_many(count: int) -> Problem:
    return Problem(413, f"The body holds {count} images: at most {MOST_IMAGES} are answered at once.")
