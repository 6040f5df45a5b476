"""Folders as values: what they hold by hash, and copies that hold nothing else."""

import hashlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from bot.core import stages

_CHUNK = 1 << 20


class UnsoundTree(Exception):
    """A folder holds what cannot be kept: a link that leads out, a device, or more than the bound."""


def sha256_of(path: Path) -> str:
    """The hex sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(root: Path, inputs: Sequence[str] = ()) -> dict[str, Path]:
    """Path below the root → file, for every file or link that the inputs cover; `.git` and bytecode left out."""
    found: dict[str, Path] = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__"))
        linked = [name for name in folders if Path(folder, name).is_symlink()]
        for name in [*names, *linked]:
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            if stages.covers(inputs, relative):
                found[relative] = path
    return found


def hashes(root: Path, inputs: Sequence[str] = ()) -> dict[str, str]:
    """Path → sha256 of the content, or the target of a link; raises UnsoundTree for anything else."""
    return {relative: _identity(relative, path) for relative, path in sorted(list_files(root, inputs).items())}


def digest(root: Path, inputs: Sequence[str] = ()) -> str:
    """One sha256 for the files that the inputs cover, their names and whether they can be executed."""
    return stages.tree_digest(hashes(root, inputs))


def copy(root: Path, target: Path, inputs: Sequence[str] = (), *, links: bool = True) -> None:
    """Copy the files that the inputs cover; raises UnsoundTree for a device, for a link where none is allowed."""
    target.mkdir(parents=True, exist_ok=True)
    for relative, path in list_files(root, inputs).items():
        if path.is_symlink():
            _require_inside(root, relative, path, allowed=links)
        elif not path.is_file():
            raise UnsoundTree(f"{relative} is neither a file nor a folder.")
        (target / relative).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target / relative, follow_symlinks=False)


def _identity(relative: str, path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link:{path.readlink()}"
    if not stat.S_ISREG(mode):
        raise UnsoundTree(f"{relative} is neither a file nor a folder.")
    return sha256_of(path) + (":x" if mode & stat.S_IXUSR else "")


def _require_inside(root: Path, relative: str, path: Path, *, allowed: bool) -> None:
    if not allowed or not path.resolve().is_relative_to(root.resolve()):
        raise UnsoundTree(f"{relative} is a link, which may lead out of its folder; put the file itself there.")
