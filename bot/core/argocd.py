"""Argo CD's applications in YAML: which path of which repository each watches."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

LARGEST = 200_000  # characters
_ALIAS = re.compile(r"[\s\[,]\*\w")
"""An alias could make a small file large."""


@dataclass(frozen=True, slots=True)
class Source:
    """A path, and the name of its repository without the owner."""

    repository: str
    path: str


def sources(text: str) -> tuple[Source, ...]:
    """The sources of the applications in a YAML file; none where it is no such file."""
    if "argoproj.io" not in text or len(text) > LARGEST or _ALIAS.search(text):
        return ()
    try:
        documents = list(yaml.safe_load_all(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    return tuple(source for document in documents for source in _of(document))


def _of(document: Any) -> Iterator[Source]:
    spec = _at(document, "spec")
    if _at(document, "kind") == "ApplicationSet":
        spec = _at(_at(spec, "template"), "spec")
    elif _at(document, "kind") != "Application":
        return
    several = _at(spec, "sources")
    for source in (_at(spec, "source"), *(several if isinstance(several, list) else ())):
        url, path = _at(source, "repoURL"), _at(source, "path")
        if isinstance(url, str) and isinstance(path, str):
            yield Source(url.rstrip("/").rpartition("/")[2].removesuffix(".git"), path)


def _at(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None
