"""What a release is made from: the version places of a repository at one commit, and the notes since the last one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from packaging.version import Version

from bot.core import changelog, lockfile, notes, pipfile, places, repoconfig, versions
from bot.core.changes import Change, diff
from bot.core.errors import Refused
from bot.core.plan import FileChange
from bot.core.ports import History, Reader, Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.texts import release as texts
from bot.core.texts import update

CITATION = "CITATION.cff"
_LOCK, _PIPFILE = "Pipfile.lock", "Pipfile"
_RELEASED = re.compile(r"^(date-released: *['\"]?)\d{4}-\d{2}-\d{2}", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Project:
    """A repository at one commit: where its version stands, and which it is."""

    snapshot: Snapshot
    config: RepoConfig
    places: tuple[str, ...]
    current: str


async def read(reader: Reader, sha: str | None = None) -> Project:
    """The project at the commit (None: the default branch's head). Raises Refused where no one version is told."""
    start = await reader.snapshot(repoconfig.PATHS, branch=texts.BRANCH, sha=sha)
    if start.archived:
        raise Refused("The repository is archived; a release needs one that can be written to.")
    config = repoconfig.read(start)
    if not config.runs("release"):
        raise Refused("Releases are off in this repository's configuration; switch the manager `release` on.")
    named = tuple(dict.fromkeys(config.release.version_files))
    likely = named or places.usual(await reader.paths(start.sha))
    wanted = dict.fromkeys((*repoconfig.PATHS, changelog.PATH, _PIPFILE, _LOCK, *likely))
    snapshot = await reader.snapshot(tuple(wanted), branch=texts.BRANCH, sha=start.sha)
    found = named or tuple(path for path in likely if _has_version(snapshot, path))
    return Project(snapshot, config, found, _current(snapshot, found))


async def has_news(project: Project, reader: Reader, login: str) -> bool:
    """Whether anybody but the bot, by a release of its own, has changed anything since the current version's tag."""
    tag = versions.tag_of(project.current, await reader.tags())
    commits = (await reader.history(project.snapshot.sha, tag)).commits
    return any(not commit.subject.startswith(texts.TITLE) or commit.login != login for commit in commits)


async def next_version(project: Project, wanted: versions.Wanted, reader: Reader, today: date) -> str:
    """The version that the release gets. Raises Refused."""
    numbering = versions.Numbering(today, project.config.release.calendar, await reader.tags())
    return versions.next_version(project.current, wanted, numbering)


async def make_notes(project: Project, version: str, reader: Reader, login: str) -> str:
    """The notes of the version: what is written under "Unreleased", then what was merged since the last release."""
    previous = versions.latest_before(version, await reader.tags())
    history = await reader.history(project.snapshot.sha, previous)
    page = history.page.rpartition("...")[0]
    material = notes.Material(
        written=changelog.unreleased(project.snapshot.text(changelog.PATH)),
        history=history,
        pulls=await reader.merged_pulls(),
        moved=await _moved(project.snapshot, history, reader),
        previous=previous or "",
        compare=f"{page}...v{version}" if page else "",
        login=login,
        update=update.BRANCH,
        release=texts.BRANCH,
    )
    return notes.render(material)


def files(project: Project, version: str, written: str, today: date) -> tuple[FileChange, ...]:
    """The files with the version in every place, and the changelog with the notes under it."""
    snapshot = project.snapshot
    found = {path: places.write(path, snapshot.text(path), version) for path in project.places}
    if CITATION in found:
        found[CITATION] = _RELEASED.sub(lambda told: f"{told[1]}{today.isoformat()}", found[CITATION])
    log = snapshot.text(changelog.PATH)
    if log:
        found[changelog.PATH] = changelog.release(log, version, today, written)
    return tuple(FileChange(path, text) for path, text in found.items())


def lock_of(snapshot: Snapshot) -> Mapping[str, Any] | None:
    """The lock at the root, None where there is none that can be read."""
    try:
        return lockfile.parse(text) if (text := snapshot.text(_LOCK)) else None
    except (ValueError, Refused):
        return None


async def _moved(snapshot: Snapshot, history: History, reader: Reader) -> tuple[Change, ...]:
    """What the lock at the root differs in from that of the last release."""
    now = lock_of(snapshot)
    if now is None or not history.since:
        return ()
    then = lock_of(await reader.snapshot((_LOCK,), branch=texts.BRANCH, sha=history.since))
    try:
        wanted = pipfile.parse(snapshot.text(_PIPFILE))
    except Refused:
        return ()
    return diff(then, now, wanted) if then is not None else ()


def _current(snapshot: Snapshot, paths: Sequence[str]) -> str:
    """The one version that stands in every place; raises Refused where they contradict one another."""
    if not paths:
        raise Refused(
            "No version was found in the usual files, such as pyproject.toml or a package's __init__.py; "
            f"name the files where it stands as `release.version_files` in {repoconfig.PATH}."
        )
    missing = [path for path in paths if snapshot.files[path] is None]
    if missing:
        raise Refused(f"{repoconfig.PATH} names {missing[0]} in `release.version_files`, but there is no such file.")
    found = {path: places.read(path, snapshot.text(path))[0].version for path in paths}
    if len({Version(version) for version in found.values()}) > 1:
        said = ", ".join(f"{path} says {version}" for path, version in found.items())
        raise Refused(f"The version files contradict one another: {said}; make them agree.")
    return next(iter(found.values()))


def _has_version(snapshot: Snapshot, path: str) -> bool:
    try:
        return bool(places.find(path, snapshot.text(path)))
    except Refused:
        return False
