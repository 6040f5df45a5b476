"""PNG files, made chunk by chunk: also those that no drawing program would write."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

from app.png import Grey


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def header(width: int, height: int, depth: int = 8, colour: int = 0) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def saved(picture: Image.Image, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    picture.save(file, form)
    return file.getvalue()


def grey(image: Grey) -> bytes:
    return saved(Image.fromarray(image))


def deep(image: Grey) -> bytes:
    """The image in 16-bit grey."""
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).tobytes() for row in image)
    return header(28, 28, depth=16) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def inked(image: Grey) -> bytes:
    """The image as white ink whose alpha is the brightness."""
    return saved(Image.fromarray(np.dstack([np.full_like(image, 255)] * 3 + [image]), "RGBA"))


def large(image: Grey) -> bytes:
    """The image ten times as wide and high, in colour."""
    return saved(Image.fromarray(np.kron(image, np.ones((10, 10), dtype=np.uint8))).convert("RGB"))
