"""A folder on this machine as a repository that a manager can read: the files as they lie there, no branch."""

import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.core.errors import Refused
from bot.core.events import Actor, Repository
from bot.core.evidence import Examination
from bot.core.labelling import Pull
from bot.core.ports import CheckOutcome, History, MergedPull, PullRequest, Snapshot, Standing, Unreadable
from bot.core.recipe import Recipe

LARGEST_FILE = 10 * 2**20
MOST_PATHS = 100_000
NOT_PROJECT = frozenset(
    {".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache", ".ruff_cache", ".bolide", ".demo"}
)
"""Folders that tools keep beside a project's files: Bolide's own state among them."""


class FolderReader:
    """`ports.Reader`; what only GitHub knows is refused."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise Refused(f"{folder} is not a folder; give the folder of a project.")
        self._folder = folder

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str = "",
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        """The files as they are now; `sha` and branches mean nothing here."""
        files = {path: self._text(path) for path in paths}
        listing = self._listing(overlays) if overlays else ()
        name = self._folder.resolve().name
        return Snapshot("", name, "", "", files, None, archived=False, listing=listing)

    async def pull_request(self, number: int) -> PullRequest:
        """Refused."""
        raise _refused("a pull request")

    async def changed_files(self, number: int) -> tuple[str, ...]:
        """Refused."""
        raise _refused("a pull request")

    async def history(self, sha: str, since: str | None) -> History:
        """Refused."""
        raise _refused("a history")

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        """None is known."""
        return ()

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        """Refused."""
        raise _refused("a check")

    async def issue_is_open(self, number: int) -> bool:
        """Refused."""
        raise _refused("an issue")

    async def release_url(self, tag: str) -> str | None:
        """Refused."""
        raise _refused("a release")

    async def tags(self) -> tuple[str, ...]:
        """Refused."""
        raise _refused("a tag")

    async def standing(self, actor: Actor) -> Standing:
        """Refused."""
        raise _refused("who may command")

    async def open_pulls(self) -> tuple[Pull, ...]:
        """Refused."""
        raise _refused("a pull request")

    async def paths(self, sha: str) -> tuple[str, ...]:
        """The paths of the files in the folder now, without those that tools keep there; at most 100,000."""
        found: list[str] = []
        for folder, folders, files in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if name not in NOT_PROJECT)
            place = Path(folder).relative_to(self._folder)
            found.extend((place / name).as_posix() for name in sorted(files))
            if len(found) >= MOST_PATHS:
                break
        return tuple(found[:MOST_PATHS])

    async def tarball(self, sha: str) -> bytes:
        """Refused."""
        raise _refused("a commit")

    def _text(self, path: str) -> str | Unreadable | None:
        file = self._folder / path
        if file.is_symlink():
            return Unreadable("it is a link")
        if not file.is_file():
            return None
        if file.stat().st_size > LARGEST_FILE:
            return Unreadable("it is larger than 10 MB")
        try:
            return file.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            return Unreadable("it is not text in UTF-8")
        except OSError as problem:
            return Unreadable(problem.strerror or "it cannot be read")

    def _listing(self, overlays: str) -> tuple[str, ...]:
        """The paths at the top and one folder below the overlays."""
        places = [self._folder, *sorted((self._folder / overlays).glob("*/"))]
        files = (path for place in places for path in sorted(place.iterdir()) if path.is_file())
        return tuple(path.relative_to(self._folder).as_posix() for path in files)


class NothingDeployed:
    """`ports.Deployed` where nothing serves."""

    async def model_files(self, repository: Repository) -> Mapping[str, str]:
        """None."""
        return {}


class NoLaboratory:
    """`ports.Laboratory` where nothing is examined."""

    @property
    def python(self) -> str:
        """The version of the interpreter that runs this."""
        return platform.python_version()

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """Refused."""
        raise _refused("evidence")


def _refused(what: str) -> Refused:
    return Refused(f"A folder does not tell {what}; only a repository on GitHub does.")
