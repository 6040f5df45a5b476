"""What a plan was made from, as a record that can be kept and read again: values ↔ JSON, and the port that keeps it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from types import ModuleType
from typing import Any, Protocol

from bot.core import (
    advisories,
    attestations,
    commands,
    events,
    labelling,
    packages,
    plan,
    ports,
    releasenotes,
    versions,
)
from bot.core.advisories import Checked, NotChecked
from bot.core.attestations import Attested
from bot.core.events import Event
from bot.core.packages import ResolveRequest
from bot.core.plan import FileChange
from bot.core.releasenotes import Asked, Notes

_MODULES = (advisories, attestations, commands, events, labelling, packages, plan, ports, releasenotes, versions)
_KIND = "$"


class Unreadable(ValueError):
    """A record that was not written by this version of Bolide; one sentence."""


def encode(value: object) -> Any:
    """The value as JSON has it, with the names of its classes; the same value always gives the same."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return {_KIND: "datetime", "value": value.isoformat()}
        case date():
            return {_KIND: "date", "value": value.isoformat()}
        case list() | tuple():
            return {_KIND: type(value).__name__, "value": [encode(item) for item in value]}
        case frozenset():
            return {_KIND: "frozenset", "value": sorted(encode(item) for item in value)}
        case Mapping():
            return {_KIND: "map", "value": [[encode(key), encode(item)] for key, item in value.items()]}
    if is_dataclass(value):
        told = {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        return {_KIND: type(value).__name__, **told}
    raise TypeError(f"{type(value).__name__} cannot be kept in a record.")


def decode(told: Any, *more: ModuleType) -> Any:
    """The value that `encode` made this from; `more` modules have classes that it may hold. Raises Unreadable."""
    if not isinstance(told, dict):
        return told
    kind, value = told.get(_KIND), told.get("value")
    match kind:
        case "datetime":
            return datetime.fromisoformat(str(value))
        case "date":
            return date.fromisoformat(str(value))
        case "list" | "tuple" | "frozenset" if isinstance(value, list):
            return {"list": list, "tuple": tuple, "frozenset": frozenset}[kind](decode(item, *more) for item in value)
        case "map" if isinstance(value, list):
            return {decode(key, *more): decode(item, *more) for key, item in value}
    known = _classes(*more).get(str(kind))
    if known is None:
        raise Unreadable(f"The record has a {kind!r:.80}, which this version of Bolide does not know.")
    try:
        return known(**{name: decode(item, *more) for name, item in told.items() if name != _KIND})
    except TypeError as problem:
        raise Unreadable(f"The record has a {kind} of another version of Bolide: {problem}.") from problem


def _classes(*more: ModuleType) -> dict[str, type]:
    """The values that a record may hold, by name."""
    found = (thing for module in (*_MODULES, *more) for thing in vars(module).values())
    classes = {thing.__name__: thing for thing in found if isinstance(thing, type) and is_dataclass(thing)}
    return {**classes, Proposed.__name__: Proposed}


def canonical(told: Any) -> bytes:
    """The one spelling of JSON of which a hash is taken."""
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Record:
    """All that a manager's plan was made from: the event, the moment, and what each port answered, in order.

    `reads` are (the question, the answer) of the repository's reader; `rules` are the adviser's units.
    """

    manager: str
    event: Event
    login: str
    as_of: datetime
    allowed_hosts: frozenset[str]
    reads: tuple[tuple[str, Any], ...]
    advisories: tuple[tuple[tuple[str, ...], Checked | NotChecked], ...]
    notes: tuple[tuple[tuple[Asked, ...], tuple[Notes, ...]], ...]
    rules: Any
    attestations: tuple[tuple[tuple[str, ...], Mapping[str, Attested]], ...] = ()
    """The files that were asked about, by sha256, and what was found of each."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What the resolver was asked, and the lock that it made; empty where it refused."""

    request: ResolveRequest
    lock_text: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a plan proposes on a branch: the files' new texts and the pull request's body."""

    branch: str
    files: tuple[FileChange, ...]
    body: str


class Archive(Protocol):
    """Keeps records, so that what was proposed can be derived again, without the network."""

    async def keep(self, record: Record, asked: tuple[Asking, ...]) -> str:
        """The record's hash, empty where it could not be kept; the index's pages are added to it later."""
        ...

    async def note(self, snapshot: str, repository: str, number: int, made: Proposed) -> None:
        """Remember that a pull request came of a record."""
        ...


class NoArchive:
    """`Archive` that keeps nothing."""

    async def keep(self, record: Record, asked: tuple[Asking, ...]) -> str:
        """Nothing is kept."""
        return ""

    async def note(self, snapshot: str, repository: str, number: int, made: Proposed) -> None:
        """Nothing is kept."""
