"""The rows of the sandbox in one SQLite file, so that a restart keeps them."""

import dataclasses
import json
import sqlite3
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, TypeVar

FIRST_ID = 1001  # so that no id looks like an issue number


class Entity(Protocol):
    """A frozen dataclass with an id that the store gives, found by parent and key."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def id(self) -> int:
        """The id; 0 until the store has given one."""

    @property
    def parent(self) -> int:
        """The id of the row that this one belongs to, 0 for none."""

    @property
    def key(self) -> str:
        """What it is looked up by among its siblings."""


E = TypeVar("E", bound=Entity)


class Store:
    """Typed rows; every write is committed before it returns."""

    def __init__(self, file: Path) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS entity (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,"
            " parent INTEGER NOT NULL, key TEXT NOT NULL, document TEXT NOT NULL)"
        )
        self._connection.execute("CREATE INDEX IF NOT EXISTS found ON entity (kind, parent, key)")
        self._connection.execute("CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, entity: E) -> E:
        """The entity with the id that it is stored under."""
        cursor = self._connection.execute(
            "INSERT INTO entity (id, kind, parent, key, document)"
            " VALUES ((SELECT max(?, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'entity'), 0) + 1)),"
            " ?, ?, ?, ?)",
            (FIRST_ID, type(entity).__name__, entity.parent, entity.key, _text(entity)),
        )
        stored = dataclasses.replace(entity, id=cursor.lastrowid)
        self.put(stored)
        return stored

    def put(self, entity: E) -> E:
        """Store the changed entity under its id and return it."""
        self._connection.execute(
            "UPDATE entity SET parent = ?, key = ?, document = ? WHERE kind = ? AND id = ?",
            (entity.parent, entity.key, _text(entity), type(entity).__name__, entity.id),
        )
        return entity

    def remove(self, entity: Entity) -> None:
        """Forget the entity."""
        self._connection.execute("DELETE FROM entity WHERE kind = ? AND id = ?", (type(entity).__name__, entity.id))

    def get(self, kind: type[E], number: int) -> E | None:
        """The row of that kind and id, if any."""
        found = self._connection.execute(
            "SELECT document FROM entity WHERE kind = ? AND id = ?", (kind.__name__, number)
        ).fetchone()
        return _value(kind, found[0]) if found else None

    def one(self, kind: type[E], parent: int, key: str) -> E | None:
        """The first row of that kind, parent and key, if any."""
        found = self.all(kind, parent, key)
        return found[0] if found else None

    def all(self, kind: type[E], parent: int | None = None, key: str | None = None) -> tuple[E, ...]:
        """The rows of that kind, in the order of their ids."""
        rows = self._connection.execute(
            "SELECT document FROM entity WHERE kind = ?1 AND (?2 IS NULL OR parent = ?2) AND (?3 IS NULL OR key = ?3)"
            " ORDER BY id",
            (kind.__name__, parent, key),
        )
        return tuple(_value(kind, text) for (text,) in rows)

    def setting(self, name: str) -> str | None:
        """A setting of the sandbox as a whole."""
        found = self._connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return str(found[0]) if found else None

    def set_setting(self, name: str, value: str) -> None:
        """Keep a setting."""
        self._connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))


def _text(entity: Entity) -> str:
    return json.dumps(dataclasses.asdict(entity))


def _value(kind: type[E], text: str) -> E:
    document = json.loads(text)
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in document.items()})
