"""A tarball of a repository's tree → a folder; nothing in it can reach outside."""

import shutil
import tarfile
from io import BytesIO
from pathlib import Path

from bot.core.errors import Refused

MAX_FILES, MAX_MB = 50_000, 1024


class UnsafeTree(Refused):
    """A tree that is not unpacked, and why."""


def unpack(tarball: bytes, into: Path) -> Path:
    """Unpack a tree into a new folder and return the one that holds it; GitHub's single top folder is stepped into.

    A symbolic link that leads outside is left out: the tree is as if nobody had made it. Raises UnsafeTree, naming the
    member, for a path that points outside, for what is no file, folder or link, and for a tree of more than 50,000
    members or 1 GiB; nothing is left then.
    """
    into.mkdir(parents=True)
    into = into.resolve()
    try:
        with tarfile.open(fileobj=BytesIO(tarball), mode="r:*") as archive:
            size = 0
            for number, member in enumerate(archive):
                size += member.size
                if number >= MAX_FILES or size > MAX_MB * 2**20:
                    raise ValueError(f"The tree has more than {MAX_FILES} files or {MAX_MB} MiB; it is not unpacked.")
                _extract(archive, member, into)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        shutil.rmtree(into, ignore_errors=True)
        raise UnsafeTree(f"The tree of the repository cannot be unpacked: {error}") from error
    inside = list(into.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else into


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    # tarfile's own data filter would do most of this, but is missing from the first releases of Python 3.11.
    path = into / member.name
    if member.name.startswith("/") or ".." in Path(member.name).parts or not _is_within(path.parent, into):
        raise ValueError(f"{member.name!r} points outside the tree.")
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        if not Path(member.linkname).is_absolute() and _is_within(path.parent / member.linkname, into):
            path.symlink_to(member.linkname)
    elif member.isfile() and (content := archive.extractfile(member)):
        with path.open("xb") as file:
            shutil.copyfileobj(content, file)
        path.chmod(0o755 if member.mode & 0o100 else 0o644)
    else:
        raise ValueError(f"{member.name!r} is neither a file nor a folder.")


def _is_within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder)
