"""From a PNG file to a 28×28 image, or to the problem with it; pure, and bounded by the file's own header."""

import io
import struct
import warnings
import zlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.problem import Problem

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Grey = NDArray[np.uint8]
"""`uint8 [28, 28]`, 0 = black background, 255 = white stroke."""

SIDE = 28
MOST_PIXELS = 1024 * 1024
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_SIZE = 33  # the signature, and the IHDR chunk with its length, name and checksum


def read_png(body: bytes) -> Grey | Problem:
    """The image, scaled to 28×28 where it is larger; what is transparent becomes the black background."""
    if not body.startswith(SIGNATURE):
        return Problem(415, "The body says image/png but is not a PNG file.")
    if len(body) < HEADER_SIZE or body[12:16] != b"IHDR":
        return Problem(400, "The PNG file is truncated: it has no header.")
    width, height = struct.unpack(">II", body[16:24])
    if not width or not height:
        return Problem(400, f"The PNG file is {width}×{height}: it holds no image.")
    if width * height > MOST_PIXELS:
        return Problem(413, f"The PNG file is {width}×{height}: at most {MOST_PIXELS} pixels are read.")
    return _decode(body)


def _decode(body: bytes) -> Grey | Problem:
    from PIL import Image, UnidentifiedImageError  # most requests are JSON: start without it

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
    except UnidentifiedImageError:
        return Problem(400, "The PNG file is damaged: no image can be read after its header.")
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
