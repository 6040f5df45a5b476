"""Prescriptions from files: Bolide's own, and folders of others as they are."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from bot import advisor
from bot.advisor.prescriptions import Book, read

OWN = Path(advisor.__file__).with_name("prescriptions")
MAX_FILE = 2 * 2**20
MAX_FILES = 50_000
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load(place: Path = OWN) -> Book:
    """The units of a file, or of every YAML file below a folder; what cannot be read is a remark. Raises OSError."""
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*.y*ml") if path.is_file())
    if not files:
        raise FileNotFoundError(f"There are no prescriptions (YAML files) in {place}.")
    if len(files) > MAX_FILES:
        raise OSError(f"There are {len(files):,} files in {place}; at most {MAX_FILES:,} are read.")
    return _joined(_read(path, str(path.relative_to(place)) if path != place else path.name) for path in files)


def _joined(books: Iterable[Book]) -> Book:
    told = tuple(books)
    units = tuple(unit for book in told for unit in book.units)
    return Book(units, tuple(remark for book in told for remark in book.remarks))


def _read(path: Path, name: str) -> Book:
    try:
        if path.stat().st_size > MAX_FILE:
            return Book((), (f"{name}: it has more than {MAX_FILE:,} bytes and was not read.",))
        text = path.read_text("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_LOADER)):
            return Book((), (f"{name}: it has a YAML alias and was not read; write the value out.",))
        return read(yaml.load(text, Loader=_LOADER), name)  # noqa: S506 -- a safe loader, in C where it is there
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        said = " ".join(str(problem).split())
        return Book((), (f"{name}: it is not YAML: {said:.200}.",))
