"""Reading one file out of an archive that is somewhere else, range by range."""

import io
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.remotezip import SparseFile

WANTED = "digits-1.0.dist-info/METADATA"


def archive(entries: int, padding: int = 0, comment: bytes = b"", wanted: int | None = None) -> bytes:
    """A zip archive of so many files of `padding` bytes; the wanted one is at the place `wanted`, else the last."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for number in range(entries):
            if number == (entries - 1 if wanted is None else wanted):
                made.writestr(WANTED, "Name: digits\n")
            else:
                made.writestr(f"digits/part_{number:05}.py", "x" * padding)
        made.comment = comment
    return target.getvalue()


def read(content: bytes, ranges: list[str]) -> tuple[bytes, list[str]]:
    """The wanted file and the names that `zipfile` saw; `ranges` gets what was fetched for it."""
    sparse = SparseFile()
    while True:
        try:
            sparse.leave(b".dist-info/METADATA")
            with zipfile.ZipFile(sparse) as opened:
                return opened.read(WANTED), opened.namelist()
        except SparseFile.Missing as gap:
            wanted = gap.range
        assert wanted not in ranges, "the same range twice"
        ranges.append(wanted)
        first, last = re.fullmatch(r"bytes=(\d*)-(\d+)", wanted).groups()  # type: ignore[union-attr]
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(len(content), int(last) + 1) if first else len(content)
        assert sparse.add(content[start:end], f"bytes {start}-{end - 1}/{len(content)}")


def test_of_ten_thousand_entries_one_is_looked_at() -> None:
    ranges: list[str] = []
    assert read(archive(10_000), ranges) == (b"Name: digits\n", [WANTED])
    assert len(ranges) == 3, "the end, the directory, the file"


@given(entries=st.integers(1, 40), padding=st.sampled_from([0, 10, 5_000]), place=st.integers(0, 39))
def test_wherever_the_file_is_it_is_found(entries: int, padding: int, place: int) -> None:
    text, names = read(archive(entries, padding, wanted=min(place, entries - 1)), [])
    assert (text, names) == (b"Name: digits\n", [WANTED])


def test_an_archive_with_a_comment_is_read_as_it_is() -> None:
    text, names = read(archive(30, comment=b"made by hand"), [])
    assert (text, len(names)) == (b"Name: digits\n", 30)


def test_an_archive_of_more_entries_than_the_short_record_counts_is_read_as_it_is() -> None:
    text, names = read(archive(66_000), [])
    assert (text, len(names)) == (b"Name: digits\n", 66_000)


def test_a_broken_directory_is_told() -> None:
    content = bytearray(archive(30))
    content[content.rindex(b"PK\x01\x02")] = 0
    with pytest.raises(zipfile.BadZipFile):
        read(bytes(content), [])


def test_what_is_not_an_archive_is_told() -> None:
    for content in (b"short", b"<html>" * 100):
        with pytest.raises(zipfile.BadZipFile):
            read(content, [])
