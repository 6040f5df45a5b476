"""From the bytes of a request to a 28×28 image, or to the problem with them; pure."""

import io
import json
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Grey = NDArray[np.uint8]
"""`uint8 [28, 28]`, 0 = black background, 255 = white stroke."""

SIDE = 28
MOST_PIXELS = 1024 * 1024
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_SIZE = 33  # the signature, and the IHDR chunk with its length, name and checksum


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a request cannot be served: an HTTP status and a sentence that names the field."""

    status: int
    detail: str


def read_image(body: bytes, content_type: str, content_encoding: str) -> Grey | Problem:
    """The image in a body of `application/json` or `image/png`; `content_type` comes without parameters."""
    if content_encoding not in ("", "identity"):
        return Problem(415, f"Content-Encoding {content_encoding!r} is not read: send the body uncompressed.")
    match content_type:
        case "application/json":
            return _from_json(body)
        case "image/png":
            return _from_png(body)
        case _:
            return Problem(415, "Content-Type must be application/json or image/png.")


def _from_json(body: bytes) -> Grey | Problem:
    try:
        document = json.loads(body)
    except RecursionError:
        return Problem(400, "The body is nested too deeply.")
    except ValueError as problem:
        return Problem(400, f"The body is not JSON: {problem}.")
    if not isinstance(document, dict) or "inputs" not in document:
        return Problem(400, "The body must be an object with the field inputs.")
    return _from_rows(document["inputs"])


def _from_rows(rows: object) -> Grey | Problem:
    if not isinstance(rows, list) or len(rows) != SIDE:
        return Problem(400, f"inputs must be a list of {SIDE} rows, not {_shape(rows)}.")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != SIDE:
            return Problem(400, f"inputs[{number}] must be a list of {SIDE} numbers, not {_shape(row)}.")
        for column, value in enumerate(row):
            # Written as "not within": NaN is within nothing.
            if type(value) not in (int, float) or not 0 <= value <= 255:
                return Problem(400, f"inputs[{number}][{column}] must be a number 0–255, not {_shape(value)}.")
    return np.rint(np.array(rows, dtype=np.float64)).astype(np.uint8)


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


def _from_png(body: bytes) -> Grey | Problem:
    if not body.startswith(PNG_SIGNATURE):
        return Problem(415, "The body says image/png but is not a PNG file.")
    if len(body) < HEADER_SIZE or body[12:16] != b"IHDR":
        return Problem(400, "The PNG file is truncated: it has no header.")
    width, height = struct.unpack(">II", body[16:24])
    if not width or not height:
        return Problem(400, f"The PNG file is {width}×{height}: it holds no image.")
    if width * height > MOST_PIXELS:
        return Problem(413, f"The PNG file is {width}×{height}: at most {MOST_PIXELS} pixels are read.")
    return _decode_png(body)


def _decode_png(body: bytes) -> Grey | Problem:
    from PIL import Image  # most requests are JSON: start without it

    damaged = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, zlib.error)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of chunks that no pixel depends on
            with Image.open(io.BytesIO(body), formats=["PNG"]) as picture:
                picture.load()
                grey = _on_black(picture)
                if grey.size != (SIDE, SIDE):
                    grey = grey.resize((SIDE, SIDE), Image.Resampling.BOX)
                return np.asarray(grey, dtype=np.uint8)
    except damaged as problem:
        return Problem(400, f"The PNG file is damaged: {problem}.")


def _on_black(picture: "Picture") -> "Picture":
    """The picture in 8-bit grey; what is transparent becomes the black background."""
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bit: Pillow would clip, not scale
        return Image.fromarray((np.asarray(picture).astype(np.uint32) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        layers = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "black"), layers).convert("L")
    return picture.convert("L")
