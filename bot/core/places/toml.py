"""Versions in TOML files: the tables that tools keep a version in."""

import re
import tomllib
from collections.abc import Iterator
from typing import Any

from bot.core.errors import Refused
from bot.core.places.span import Place

KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Cargo.toml": (("package", "version"), ("workspace", "package", "version")),
    "": (
        ("project", "version"),
        ("tool", "poetry", "version"),
        ("tool", "pdm", "version"),
        ("tool", "commitizen", "version"),
        ("tool", "bumpversion", "current_version"),
        ("tool", "bumpver", "current_version"),
        ("tool", "tbump", "version", "current"),
        ("tool", "briefcase", "version"),
        ("tool", "towncrier", "version"),
        ("tool", "bumpversion", "version"),
    ),
}
_TEXT = re.compile(r"""(?P<quote>"{3}|'{3}|"|')(?P<inner>[^"'\\\n]+)(?P=quote)""")
_TRIES = 200
_OTHER = "0.0.0+another"


def find(path: str, text: str) -> list[Place]:
    """The versions in the file; raises Refused where it is not TOML."""
    plain = text.removeprefix("\ufeff")
    try:
        document = tomllib.loads(plain)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise Refused(f"{path} is not TOML: {problem}; correct it before a release.") from problem
    keys = KEYS.get(path.rpartition("/")[2], KEYS[""])
    found = ((key, _value(document, key)) for key in keys)
    shift = len(text) - len(plain)
    return [
        place
        for key, version in found
        if isinstance(version, str) and version
        for place in _located(path, plain, document, key, version, shift)
    ]


def _located(path: str, text: str, document: Any, key: tuple[str, ...], version: str, shift: int) -> Iterator[Place]:
    """The text of the value: the one whose exchange changes this value and no other."""
    candidates = (found for found in _TEXT.finditer(text) if found["inner"] == version)
    for found, _ in zip(candidates, range(_TRIES), strict=False):
        start, end = found.span("inner")
        try:
            changed = tomllib.loads(f"{text[:start]}{_OTHER}{text[end:]}")
        except tomllib.TOMLDecodeError:
            continue
        if _value(changed, key) == _OTHER:
            *tables, _ = key
            yield Place(f"{path} [{'.'.join(tables)}]", version, start + shift, end + shift)
            return
    raise Refused(f'{path} spells {".".join(key)} in a way that cannot be rewritten; write it as "{version}".')


def _value(document: Any, key: tuple[str, ...]) -> object:
    for name in key:
        document = document.get(name) if isinstance(document, dict) else None
    return document
