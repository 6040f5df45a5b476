"""Files that are there whole or not at all."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

_AT_ONCE = 256 * 1024
"""Bytes that go to the file at once: many small writes have threads wait for one another."""


def write_whole(path: Path, parts: Iterable[bytes]) -> None:
    """Write the parts, so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(descriptor, "wb", _AT_ONCE) as stream:
        stream.writelines(parts)
    Path(temporary).replace(path)
