"""Artefacts by content: what a stage made is kept under its sha256 and found by the key of the stage."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import tarfile
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from bot.core.ports import Objects
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

    async def card(self, sha256: str) -> Mapping[str, Any]:
        """The model card in the artefact of this hash; empty where the artefact is not on this machine, or no model."""
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

    async def card(self, sha256: str) -> Mapping[str, Any]:
        """The model card in the artefact of this hash; empty where there is none."""
        return await asyncio.to_thread(self._card, sha256)

    def _card(self, sha256: str) -> Mapping[str, Any]:
        try:
            card = json.loads((self._objects / sha256 / "card.json").read_text())
        except (OSError, ValueError):
            return {}
        return card if isinstance(card, dict) else {}

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


class SharedStore:
    """The artefact store of many machines: each artefact lies in the object store too, as `objects/<sha256>.tar`.

    What a machine has needed once lies in its own folder. Raises ObjectsUnavailable.
    """

    def __init__(self, own: FolderStore, objects: Objects) -> None:
        self._own, self._objects = own, objects

    async def find(self, key: str) -> Artefact | None:
        """The artefact of a stage, from this machine or another; what does not fit its hash is as if not there."""
        if found := await self._own.find(key):
            return found
        entry = _entry(await self._objects.get(f"keys/{key}.json"))
        content = await self._objects.get(f"objects/{entry[0]}.tar") if entry else None
        if entry is None or content is None:
            return None
        with tempfile.TemporaryDirectory() as place:
            try:
                tree = await asyncio.to_thread(unpack, content, Path(place) / "artefact")
                if await asyncio.to_thread(files.digest, tree) != entry[0]:
                    return None
            except (tarfile.TarError, OSError, files.UnsoundTree):
                return None
            return await self._own.keep(key, tree, entry[1])

    async def keep(self, key: str, folder: Path, commit: str) -> Artefact:
        """Store a copy of the folder here and there, its key last: a kill in between leaves no half artefact."""
        kept = await self._own.keep(key, folder, commit)
        await self._objects.put(f"objects/{kept.sha256}.tar", await asyncio.to_thread(pack, kept.path))
        entry = json.dumps({"sha256": kept.sha256, "commit": commit}).encode()
        await self._objects.put(f"keys/{key}.json", entry)
        return kept

    async def card(self, sha256: str) -> Mapping[str, Any]:
        """The model card in an artefact that this machine has made or needed; empty where there is none."""
        return await self._own.card(sha256)


def _entry(content: bytes | None) -> tuple[str, str] | None:
    """The sha256 and the commit that a key stands for; None for what is no entry."""
    try:
        told = json.loads(content or b"")
        sha256, commit = str(told["sha256"]), str(told["commit"])
    except (ValueError, KeyError, TypeError):
        return None
    return (sha256, commit) if re.fullmatch(r"[0-9a-f]{64}", sha256) else None


def pack(folder: Path, inputs: Sequence[str] = ()) -> bytes:
    """The folder's files that the inputs cover, as a tar that is equal for equal content; links stay links."""
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for relative, path in sorted(files.list_files(folder, inputs).items()):
            member = tarfile.TarInfo(relative)
            if path.is_symlink():
                member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
                archive.addfile(member)
                continue
            member.size, member.mode = path.stat().st_size, path.stat().st_mode & 0o755
            with path.open("rb") as content:
                archive.addfile(member, content)
    return packed.getvalue()


def unpack(content: bytes, into: Path) -> Path:
    """The files of a tar that `pack` made, in a new folder; whatever else it holds is left out."""
    with tarfile.open(fileobj=BytesIO(content), mode="r:") as archive:
        for member in archive:
            parts = Path(member.name).parts
            file = archive.extractfile(member) if member.isfile() else None
            if file is None or member.name.startswith("/") or ".." in parts:
                continue
            path = into.joinpath(*parts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.read())
            path.chmod(0o755 if member.mode & 0o100 else 0o644)
    return into


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
