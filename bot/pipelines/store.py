"""Artefacts by content: what a stage made is kept under its sha256 and found by the key of the stage."""

import asyncio
import contextlib
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.pipelines import files


@dataclass(frozen=True, slots=True)
class Artefact:
    """A folder that a stage made: its sha256, where it lies, and the commit of the run that made it."""

    sha256: str
    path: Path
    commit: str


class ArtefactStore(Protocol):
    """Keeps artefacts; one folder here, an object store elsewhere."""

    async def find(self, key: str) -> Artefact | None:
        """The artefact of a stage, checked against its hash; None when there is none or it is damaged."""
        ...

    async def keep(self, key: str, folder: Path, commit: str) -> Artefact:
        """Store a copy of the folder; all of it or nothing. Raises files.UnsoundTree for links and devices."""
        ...


class FolderStore:
    """The artefact store of one machine: `objects/<sha256>/` and `keys/<key>.json` below one folder."""

    def __init__(self, root: Path) -> None:
        self._objects, self._keys = root.absolute() / "objects", root.absolute() / "keys"

    async def find(self, key: str) -> Artefact | None:
        """The artefact of a stage, checked against its hash; a damaged one is removed, so that it is made again."""
        return await asyncio.to_thread(self._find, key)

    async def keep(self, key: str, folder: Path, commit: str) -> Artefact:
        """Store a copy of the folder under its hash, then the key; a kill in between leaves no half artefact."""
        return await asyncio.to_thread(self._keep, key, folder, commit)

    def _find(self, key: str) -> Artefact | None:
        try:
            entry = json.loads((self._keys / f"{key}.json").read_text())
            artefact = Artefact(str(entry["sha256"]), self._objects / str(entry["sha256"]), str(entry["commit"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if _is_whole(artefact):
            return artefact
        (self._keys / f"{key}.json").unlink(missing_ok=True)
        shutil.rmtree(artefact.path, ignore_errors=True)
        return None

    def _keep(self, key: str, folder: Path, commit: str) -> Artefact:
        copied = self._objects / f".new-{uuid.uuid4().hex}"
        try:
            files.copy(folder, copied, links=False)
            artefact = Artefact(files.digest(copied), self._objects / files.digest(copied), commit)
            if not _is_whole(artefact):
                shutil.rmtree(artefact.path, ignore_errors=True)
                with contextlib.suppress(OSError):  # another run put the same content there first
                    copied.rename(artefact.path)
        finally:
            shutil.rmtree(copied, ignore_errors=True)
        write_atomically(self._keys / f"{key}.json", {"sha256": artefact.sha256, "commit": commit})
        return artefact


def write_atomically(path: Path, document: object) -> None:
    """Write a JSON document so that a reader, or a start after a crash, sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        with written.open("w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def _is_whole(artefact: Artefact) -> bool:
    try:
        return artefact.path.is_dir() and files.digest(artefact.path) == artefact.sha256
    except (OSError, files.UnsoundTree):
        return False
