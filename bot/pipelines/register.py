"""The register of one machine: a JSON file for each document, shared by the processes that know the folder."""

# ruff: noqa: D102 - the contract stands on the port

import asyncio
import contextlib
import fcntl
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.core.ports import Document, Entry, Kind, RegisterUnavailable
from bot.pipelines.store import write_atomically

AGAIN = 60.0
"""Seconds after which a disk that was full is tried again."""


class FolderRegister:
    """`ports.Register` as `<kind>/<name>.json` below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, kind: Kind, name: str) -> Entry | None:
        return await asyncio.to_thread(_read, self._path(kind, name))

    async def change(self, kind: Kind, name: str, change: Callable[[Document | None], Document]) -> None:
        await asyncio.to_thread(self._change, self._path(kind, name), change)

    async def newest(self, kind: Kind, most: int) -> tuple[Entry, ...]:
        return await asyncio.to_thread(self._newest, kind, most)

    def _path(self, kind: Kind, name: str) -> Path:
        return self._folder / kind / f"{name}.json"

    def _change(self, path: Path, change: Callable[[Document | None], Document]) -> None:
        try:
            with _alone(path.parent):
                known = _read(path)
                write_atomically(path, change(known.document if known else None))
        except OSError as problem:
            raise RegisterUnavailable(f"{path} cannot be written: {problem.strerror or problem}.", AGAIN) from problem

    def _newest(self, kind: Kind, most: int) -> tuple[Entry, ...]:
        paths = sorted((self._folder / kind).glob("[!.]*.json"), key=_changed, reverse=True)
        return tuple(entry for path in paths[:most] if (entry := _read(path)))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else changes the folder while the block runs, in whichever process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path) -> Entry | None:
    """None where there is none, or nothing that could be used; raises RegisterUnavailable where the disk is silent."""
    try:
        document, changed = json.loads(path.read_text()), path.stat().st_mtime
    except (FileNotFoundError, ValueError):
        return None
    except OSError as problem:
        raise RegisterUnavailable(f"{path} cannot be read: {problem.strerror or problem}.", AGAIN) from problem
    return Entry(path.stem, document, datetime.fromtimestamp(changed, UTC)) if isinstance(document, dict) else None


def _changed(path: Path) -> float:
    return path.stat().st_mtime
