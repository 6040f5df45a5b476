"""Which Python an environment is locked for, and what contradicts it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.environments import DEFAULT, PYTHON_VERSION, Environment

_VERSION = re.compile(r"(?:cpython[-@])?(3\.\d{1,2}(?:\.\d{1,2})?)")


@dataclass(frozen=True, slots=True)
class Python:
    """The version to resolve for, empty where nothing names one, and a sentence for each place that says another."""

    version: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What the repository says of its Python: by the manifest, by its files, by its configurations; empty: nothing."""

    manifest: str
    files: Mapping[str, str]  # path of a .python-version → its text
    configured: str
    runtime: str  # by the configuration's runtime_environments
    locked: str  # what today's lock says that it was made for


def choose(environment: Environment, told: Told, configuration: str) -> Python:
    """The Python of the environment: what is said nearest to it wins, `configuration` is the file of `told.configured`.

    For the environment at the top the configuration is nearest, for an overlay it is its own manifest.
    """
    own = [
        (environment.manifest, told.manifest),
        (environment.python_version, named(told.files.get(environment.python_version, ""))),
        ("its runtime_environments entry", told.runtime),
    ]
    general = (configuration, told.configured)
    at_top = (PYTHON_VERSION, named(told.files.get(PYTHON_VERSION, "")))
    places = [general, *own] if environment.name == DEFAULT else [*own, general, at_top]
    said = [(place, version) for place, version in places if version]
    if not said:
        return Python("", ())
    (winner, version), *others = said
    notes = [
        f"{place} says Python {other}, {winner} says {version}: the lock is made for {version}."
        for place, other in others
        if not agree(other, version)
    ]
    if told.locked and not agree(told.locked, version):
        notes.append(f"Today's {environment.lock} was made for Python {told.locked}; this one is for {version}.")
    return Python(version, tuple(notes))


def named(text: str) -> str:
    """The version in a .python-version file, "3.11" or "3.11.2"; empty where its first line names no CPython."""
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    found = _VERSION.fullmatch(first)
    return found[1] if found else ""


def locked_for(lock: Mapping[str, Any] | None) -> str:
    """The Python that a Pipfile.lock says it was made for, or empty."""
    requires = (lock or {}).get("_meta", {}).get("requires")
    if not isinstance(requires, Mapping):
        return ""
    return named(str(requires.get("python_full_version") or requires.get("python_version") or ""))


def agree(one: str, other: str) -> bool:
    """Whether two versions are the same as far as both tell it."""
    return all(a == b for a, b in zip(one.split("."), other.split("."), strict=False))
