"""The parts of a remote zip archive that have been fetched, as a file that says which part it needs next."""

import io
import re
import struct
from zipfile import BadZipFile

TAIL = 64 * 1024
STEP = 32 * 1024
_END, _ENTRY = b"PK\x05\x06", b"PK\x01\x02"
_END_SIZE, _ENTRY_SIZE = 22, 46
_LENGTHS = struct.Struct("<3H")  # of an entry's name, extra field and comment
_BEYOND = 0xFFFF  # what stands in place of a number that only the zip64 records have


class SparseFile(io.RawIOBase):
    """A seekable file of which only some parts are known; reading another part raises `Missing` with its range."""

    class Missing(Exception):
        """The HTTP range to fetch and `add` before reading again."""

        def __init__(self, wanted: str) -> None:
            super().__init__(wanted)
            self.range = wanted

    def __init__(self) -> None:
        super().__init__()
        self._size: int | None = None
        self._position = 0
        self._parts: list[tuple[int, bytes]] = []

    def add(self, content: bytes, content_range: str) -> bool:
        """Know `content`, the whole file where there is no Content-Range; False where that is not a range of it."""
        if not content_range:
            self._size, self._parts = len(content), [(0, content)]
            return True
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", content_range.strip())
        if not found or int(found[2]) - int(found[1]) + 1 != len(content):
            return False
        self._size = int(found[3])
        self._parts.append((int(found[1]), content))
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def readable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position in bytes."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; the end is known only after the first part has been added."""
        if whence == io.SEEK_END:
            if self._size is None:
                raise self.Missing(f"bytes=-{TAIL}")
            offset += self._size
        elif whence == io.SEEK_CUR:
            offset += self._position
        if offset < 0:
            raise OSError("seek before the start of the file")
        self._position = offset
        return offset

    def read(self, size: int = -1) -> bytes:
        """Bytes from the position on; raises Missing where they are not known."""
        if self._size is None:
            raise self.Missing(f"bytes=-{TAIL}")
        end = self._size if size < 0 else min(self._size, self._position + size)
        for start, content in self._parts:
            if start <= self._position and end <= start + len(content):
                found = content[self._position - start : end - start]
                self._position = max(self._position, end)
                return found
        raise self.Missing(f"bytes={self._position}-{min(self._size, max(end, self._position + STEP)) - 1}")

    def leave(self, ending: bytes) -> None:
        """Let the directory seem to have only the entries whose names end like this.

        A wheel may have ten thousand entries, and `zipfile` takes 10 µs for each. Directories with zip64 records or
        a comment are left as they are. Raises Missing where the directory is not known, BadZipFile where it is broken.
        """
        self.seek(0, io.SEEK_END)
        end = self.tell() - _END_SIZE
        self.seek(max(0, end))
        record = self.read(_END_SIZE)
        if len(record) < _END_SIZE or not record.startswith(_END):
            return
        disks, here, entries, size, offset, comment = struct.unpack("<4x I 2H 2L H", record)
        if disks or comment or here != entries or entries == _BEYOND or offset + size != end:
            return
        self.seek(offset)
        kept = _entries(self.read(size), ending)
        directory = b"".join(kept)
        place = end - len(directory)
        told = struct.pack("<I 2H 2L H", 0, len(kept), len(kept), len(directory), place, 0)
        self._parts.insert(0, (place, directory + _END + told))


def _entries(directory: bytes, ending: bytes) -> list[bytes]:
    """The entries of a zip archive's central directory whose names end like this."""
    found, at = [], 0
    while at < len(directory):
        if directory[at : at + 4] != _ENTRY or at + _ENTRY_SIZE > len(directory):
            raise BadZipFile("its directory is broken")
        name, extra, comment = _LENGTHS.unpack_from(directory, at + 28)
        begun = at + _ENTRY_SIZE
        end = begun + name + extra + comment
        if directory.endswith(ending, begun, begun + name):
            found.append(directory[at:end])
        at = end
    return found
