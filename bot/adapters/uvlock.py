"""A project with a uv.lock, locked by uv itself: on files that name nothing but packages of indexes."""

import re
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import tomlkit
from packaging.utils import canonicalize_name

from bot.adapters.heldback import is_kept
from bot.adapters.uv import Uv
from bot.core import uvproject
from bot.core.candidates import Target, held_back
from bot.core.packages import All, HeldBack, Index, Only, Resolution, ResolveRequest
from bot.core.uvproject import UvFiles

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_FAR = datetime(9000, 1, 1, tzinfo=UTC)


async def lock(uv: Uv, index: Index, request: ResolveRequest, files: UvFiles, target: Target) -> Resolution:
    """The project's next uv.lock; raises what `Resolver.resolve` raises.

    It is made in two steps: with the limits of the request, then without them on what came out, which leaves the
    versions and takes out of the file what the limits wrote into it.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="resolve-") as directory:
        place = Path(directory)
        (place / "uv.toml").write_text(files.settings)
        if files.lock:
            (place / "uv.lock").write_text(files.lock)
        (place / "pyproject.toml").write_text(_constrained(files.project, request, files))
        await uv.run(place, _arguments(request, files))
        (place / "pyproject.toml").write_text(files.project)
        (place / "uv.lock").write_text(uvproject.without_limits((place / "uv.lock").read_text()))
        await uv.run(place, ["lock"])
        made = (place / "uv.lock").read_text()
    found, required_by = uvproject.parse_lock(made, request.pipfile, target.python, "uv.lock")
    held = await _held_back(request, found, index, target)
    text = uvproject.without_own_version(made, _name(files)) if files.unversioned else made
    return Resolution(text, found, required_by, held, (), await uv.version(), time.monotonic() - started)


def _name(files: UvFiles) -> str:
    return str(tomlkit.parse(files.project).unwrap()["project"].get("name", ""))


def _constrained(project: str, request: ResolveRequest, files: UvFiles) -> str:
    """The project file with the request's constraints, and no version above a pin that is too young itself."""
    ceilings = [f"{name}<={version}" for name, version in _young(request, files).items()]
    limits = [*request.constraints, *ceilings]
    if not limits:
        return project
    document = tomlkit.parse(project).unwrap()
    tool = document["tool"]["uv"]
    tool["constraint-dependencies"] = [*tool.get("constraint-dependencies", []), *limits]
    return tomlkit.dumps(document)


def _arguments(request: ResolveRequest, files: UvFiles) -> list[str]:
    arguments = ["lock"]
    match request.upgrade:
        case All():
            arguments.append("--upgrade")
        case Only(names):
            wanted = sorted({str(canonicalize_name(name)) for name in names})
            arguments += [f"--upgrade-package={name}" for name in wanted if _NAME.fullmatch(name)]
    if request.cutoff:
        arguments.append(f"--exclude-newer={_written(request.cutoff)}")
        moments = {name: max(_uploads(files)[name]) + timedelta(seconds=1) for name in _young(request, files)}
        moments |= {str(canonicalize_name(name)): _FAR for name in request.exempt}
        spared = sorted(moments.items())
        arguments += [
            f"--exclude-newer-package={name}={_written(each)}" for name, each in spared if _NAME.fullmatch(name)
        ]
    return arguments


def _young(request: ResolveRequest, files: UvFiles) -> dict[str, str]:
    """The pins of today's lock that are younger than the cut-off themselves: they are not taken back for that."""
    if not request.cutoff:
        return {}
    pins = {name: entry["version"] for section in (request.old_lock or {}).items() for name, entry in _entries(section)}
    cutoff = request.cutoff
    young = {name for name, times in _uploads(files).items() if times and min(times) >= cutoff}
    return {
        name: version.removeprefix("==")
        for name, version in pins.items()
        if name in young and name not in request.exempt
    }


def _entries(section: tuple[str, object]) -> list[tuple[str, dict[str, str]]]:
    name, entries = section
    return list(entries.items()) if name != "_meta" and isinstance(entries, dict) else []


def _uploads(files: UvFiles) -> dict[str, tuple[datetime, ...]]:
    told = uvproject.uploads(files.lock)
    return {name: tuple(map(datetime.fromisoformat, times)) for name, times in told.items()}


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


async def _held_back(
    request: ResolveRequest, lock: dict[str, dict[str, dict[str, str]]], index: Index, target: Target
) -> tuple[HeldBack, ...]:
    held: dict[str, HeldBack] = {}
    url = request.pipfile.sources[0].url
    for requirements in request.pipfile.categories.values():
        for name, requirement in requirements.items():
            pins = [entries[name]["version"] for key, entries in lock.items() if key != "_meta" and name in entries]
            if pins and name not in held and not is_kept(request.upgrade, name):
                page = await index.project(name, url)
                found = held_back(requirement, pins[0].removeprefix("=="), page, target, request.cutoff)
                held |= {name: found} if found else {}
    return tuple(held[name] for name in sorted(held))
