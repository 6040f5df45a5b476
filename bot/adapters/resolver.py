"""The `Resolver` port: uv chooses the versions, the index tells of their files, the lock is written as pipenv does."""

import asyncio
import contextlib
import platform
import time
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from packaging import tags as wheel_tags
from packaging.markers import default_environment

from bot.adapters import uvlock
from bot.adapters.heldback import Holding, is_kept
from bot.adapters.releases import Releases, canonical_pins
from bot.adapters.uv import Answer, Job, Uv
from bot.core import blocking
from bot.core.candidates import Target, age_exception, misfit_versions, unusable, young
from bot.core.errors import Refused
from bot.core.lockfile import lock_section, render
from bot.core.locking import document, left_out, section, written
from bot.core.packages import (
    All,
    Conflict,
    File,
    HeldBack,
    Index,
    Resolution,
    ResolveRequest,
    Unresolvable,
)
from bot.core.pipfile import Pipfile, python_of

ROUNDS = 5
NEVER_TOO_NEW = datetime(9000, 1, 1, tzinfo=UTC)
Entries = dict[str, dict[str, Any]]
T = TypeVar("T")


class UvResolver:
    """Resolves every category of a Pipfile, `packages` first because its pins constrain the others."""

    def __init__(self, uv: Uv, index: Index) -> None:
        self._uv = uv
        self._index = index

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """The new lock; raises Unresolvable, IndexUnreachable, IndexUnsuitable, PackageUnknown or ResolverFailed."""
        if request.uv:
            return await uvlock.lock(self._uv, self._index, request, request.uv, target_of(request))
        started = time.monotonic()
        releases = Releases(self._index, *_indexes(request.pipfile))
        try:
            work = _Work(self._uv, releases, request, target_of(request))
            lock, required_by, held, notes = await work.lock()
        finally:
            await releases.close()
        version = await self.version()
        return Resolution(render(lock), lock, required_by, held, notes, version, time.monotonic() - started)

    async def version(self) -> str:
        """The resolver's name and version."""
        return await self._uv.version()


@dataclass(frozen=True, slots=True)
class _Past:
    """What the old lock decides: pins to prefer by category, and later cut-offs for pins that are young themselves.

    `barred` are constraints against what else is as young and would come in with those.
    """

    preferences: Mapping[str, tuple[str, ...]]
    cutoffs: Mapping[str, datetime]
    barred: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """One resolution."""

    uv: Uv
    releases: Releases
    request: ResolveRequest
    target: Target

    async def lock(self) -> tuple[dict[str, Any], dict[str, tuple[str, ...]], tuple[HeldBack, ...], tuple[str, ...]]:
        """The lock's document, who requires what, what is held back, and remarks for the user."""
        pipfile, old = self.request.pipfile, self.request.old_lock or {}
        notes = _unresolved(pipfile, old)
        direct = {r.key for table in pipfile.categories.values() for r in table.values() if not r.unresolved}
        answers, past = await _first_failure_ends(self._resolved(old), self._read(direct))
        made = await asyncio.gather(*(self._section(name, answer, past) for name, answer in answers.items()))
        sections = dict(zip(answers, made, strict=True))
        _carry_over(pipfile, old, sections)
        if _constrained(pipfile):
            _share_default(sections)
        required_by: dict[str, tuple[str, ...]] = {}
        for answer in answers.values():
            for name, pin in answer.pins.items():
                required_by[name] = tuple(sorted({*required_by.get(name, ()), *pin.required_by}))
        return document(pipfile, sections), required_by, await self._held_back(answers), notes

    async def _resolved(self, old: Mapping[str, Any]) -> tuple[dict[str, Answer], _Past]:
        past = await self._past(old)
        return await self._answers(past), past

    async def _read(self, names: Iterable[str]) -> None:
        """Read the pages of what the Pipfile names while uv resolves; an index that is down is named at once."""
        await asyncio.gather(*(self.releases.project(name) for name in sorted(names)))

    async def _past(self, old: Mapping[str, Any]) -> _Past:
        """Preferences without those that cannot be installed any more; nothing is asked where nothing depends on it."""
        pins = {name: canonical_pins(old.get(lock_section(name), {})) for name in self.request.pipfile.categories}
        upgrade, cutoff = self.request.upgrade, self.request.cutoff
        if isinstance(upgrade, All) and cutoff is None:
            return _Past({}, {}, ())
        pages = await self.releases.known(sorted({name for section in pins.values() for name in section}))
        preferences: dict[str, tuple[str, ...]] = {}
        cutoffs = dict.fromkeys(self.request.exempt if cutoff else (), NEVER_TOO_NEW)
        barred: list[str] = []
        for category, versions in pins.items():
            chosen = []
            for name, version in versions.items():
                release = pages[name].release(version) if name in pages else ()
                if unusable(release, self.target):
                    continue
                if cutoff and name not in self.request.exempt and (moment := age_exception(release, cutoff)):
                    cutoffs[name] = max(moment, cutoffs.get(name, moment))
                    if others := young(pages[name], cutoff, version):
                        barred.append(name + ",".join(f"!={other}" for other in others))
                if is_kept(upgrade, name):
                    chosen.append(f"{name}=={version}")
            preferences[category] = tuple(chosen)
        return _Past(preferences, cutoffs, tuple(barred))

    async def _answers(self, past: _Past) -> dict[str, Answer]:
        """What uv says for each category that has anything to resolve, in the Pipfile's order."""
        pipfile = self.request.pipfile
        answers = {"packages": await self._compile("packages", past, ())}
        pins = answers["packages"].pins.values() if _constrained(pipfile) else ()
        constraints = tuple(f"{pin.name}=={pin.version}" for pin in pins)
        others = [name for name in pipfile.categories if name != "packages"]
        found = await asyncio.gather(*(self._compile(name, past, constraints) for name in others))
        return answers | dict(zip(others, found, strict=True))

    async def _compile(self, category: str, past: _Past, constraints: tuple[str, ...]) -> Answer:
        pipfile = self.request.pipfile
        requirements = [r for r in pipfile.categories[category].values() if not r.unresolved]
        if not requirements:
            return Answer({}, {})
        job = Job(
            requirements=tuple(requirement.pep508 for requirement in requirements),
            indexes={r.key: r.index for r in requirements if r.index},
            sources=pipfile.sources,
            python=self.target.python,
            preferences=past.preferences.get(category, ()),
            constraints=(*constraints, *past.barred, *self.request.constraints),
            prereleases=pipfile.settings.get("allow_prereleases") is True,
            cutoff=self.request.cutoff,
            cutoffs=past.cutoffs,
        )
        answer = await self._settled(category, job)
        for line in await self._holding(category).possible(answer.pins, job.constraints):
            taken = tuple(f"{pin.name}=={pin.version}" for pin in answer.pins.values())
            asked = replace(job, constraints=(*job.constraints, line), preferences=taken)
            with contextlib.suppress(Unresolvable):
                other = await self._settled(category, asked)
                if blocking.none_lower(answer.pins.keys() & pipfile.categories[category], answer.pins, other.pins):
                    answer, job = other, asked
        return answer

    async def _settled(self, category: str, job: Job) -> Answer:
        """What uv says, without releases for older Pythons only."""
        for _ in range(ROUNDS):
            answer = await self.uv.compile(job)
            self._refuse_strayed(category, answer)
            excluded = await self._excluded(answer)
            if not excluded:
                return answer
            job = replace(job, constraints=(*job.constraints, *excluded))
        raise Conflict(
            f"[{category}] of the Pipfile has no solution for Python {self.target.python} after {ROUNDS} tries."
        )

    async def _excluded(self, answer: Answer) -> tuple[str, ...]:
        """Constraints against releases that need an older Python: uv heeds only the lower bound of requires-python."""
        pages = await self.releases.known(answer.pins)
        misfits = {
            name: misfit_versions(pages[name], pin.version, self.target.python) for name, pin in answer.pins.items()
        }
        return tuple(name + ",".join(f"!={version}" for version in found) for name, found in misfits.items() if found)

    def _refuse_strayed(self, category: str, answer: Answer) -> None:
        """Raise Refused for a pin that came from another index than the one that the Pipfile declares for its name."""
        for pin in answer.pins.values():
            declared = self.releases.url(pin.name)
            if _bare(pin.index) != _bare(declared):
                raise Refused(
                    f"{pin.name} would come from {_bare(pin.index)} in [{category}], but the Pipfile takes it from "
                    f"{_bare(declared)}; name it in [{category}] too, with the same index."
                )

    async def _section(self, category: str, answer: Answer, past: _Past) -> Entries:
        requirements = self.request.pipfile.categories[category]
        old = (self.request.old_lock or {}).get(lock_section(category), {})
        names = list(answer.pins)
        releases = await asyncio.gather(*(self._files(answer, name, old, past) for name in names))
        files = dict(zip(names, releases, strict=True))
        asked = await self.releases.asked(answer.pins, files, self._environment())
        entries = section(requirements, answer.pins, files, asked, self.request.pipfile.sources[0].name)
        for name, requirement in requirements.items():
            if name not in answer.pins and not requirement.unresolved:
                release = (await self.releases.project(name)).release(requirement.exact) if requirement.exact else ()
                entries[written(requirement.name)] = left_out(
                    requirement, release, old.get(written(requirement.name), {})
                )
        return entries

    async def _files(self, answer: Answer, name: str, old: Mapping[str, Any], past: _Past) -> tuple[File, ...]:
        pin, cutoff = answer.pins[name], past.cutoffs.get(name, self.request.cutoff)
        entry = old.get(written(name), {})
        trusted = frozenset(entry.get("hashes", ())) if entry.get("version") == f"=={pin.version}" else frozenset()
        return await self.releases.files(pin, cutoff, trusted, answer.hashes[name])

    async def _held_back(self, answers: Mapping[str, Answer]) -> tuple[HeldBack, ...]:
        held: dict[str, HeldBack] = {}
        for category, answer in answers.items():
            for found in await self._holding(category).told(answer.pins):
                held.setdefault(found.name, found)
        return tuple(held[name] for name in sorted(held))

    def _environment(self) -> dict[str, str]:
        """What markers are evaluated with."""
        told = {**default_environment(), **_python_markers(self.target.python)}
        return {key: str(value) for key, value in told.items()}

    def _holding(self, category: str) -> Holding:
        """What tells why packages of a category are not at their newest release."""
        return Holding(self.releases, self.request, category, self.target, self._environment())


async def _first_failure_ends(main: Coroutine[Any, Any, T], beside: Coroutine[Any, Any, None]) -> T:
    """The outcome of `main` when both have ended; the failure of either ends the other."""
    tasks = asyncio.create_task(main), asyncio.create_task(beside)
    try:
        outcome, _ = await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return outcome


def _indexes(pipfile: Pipfile) -> tuple[dict[str, str], str]:
    urls = {source.name: source.url for source in pipfile.sources}
    named = [r for requirements in pipfile.categories.values() for r in requirements.values() if r.index]
    indexes: dict[str, str] = {}
    for requirement in named:
        if indexes.setdefault(requirement.key, urls[requirement.index]) != urls[requirement.index]:
            raise Refused(f"The Pipfile takes {requirement.key} from two indexes; name the same one in every category.")
    return indexes, pipfile.sources[0].url


def target_of(request: ResolveRequest) -> Target:
    """The Python to resolve for: with its patch version, this interpreter's where only its minor version is named."""
    own = platform.python_version()
    named = request.python or python_of(request.pipfile) or own
    parts = named.split(".")
    if len(parts) == 2:
        named = own if own.split(".")[:2] == parts else f"{named}.0"
    version = (int(named.split(".")[0]), int(named.split(".")[1]))
    interpreter = f"cp{version[0]}{version[1]}"
    found = [*wheel_tags.cpython_tags(version), *wheel_tags.compatible_tags(version, interpreter)]
    return Target(named, frozenset(map(str, found)))


def _python_markers(python: str) -> dict[str, str]:
    return {"python_full_version": python, "python_version": ".".join(python.split(".")[:2])}


def _constrained(pipfile: Pipfile) -> bool:
    return bool(pipfile.settings.get("use_default_constraints", True))


def _bare(url: str) -> str:
    """An index address without what differs between two spellings of it, and without credentials."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2].rstrip('/')}"


def _share_default(sections: dict[str, Entries]) -> None:
    """Let a package that is in several categories have everywhere the entry of `packages`, as pipenv does."""
    default = sections["packages"]
    for entries in sections.values():
        entries.update({name: default[name] for name in entries if name in default})


def _unresolved(pipfile: Pipfile, old: Mapping[str, Any]) -> tuple[str, ...]:
    """A remark for each entry that is not resolved; raises Refused where the old lock has nothing to keep for it."""
    notes = []
    for category, requirements in pipfile.categories.items():
        for requirement in requirements.values():
            if not requirement.unresolved:
                continue
            if written(requirement.name) not in old.get(lock_section(category), {}):
                raise Refused(
                    f"[{category}] {requirement.name} comes from its `{requirement.unresolved}`, which Bolide does not "
                    "resolve, and Pipfile.lock has no entry to keep; run `pipenv lock` once."
                )
            notes.append(
                f"{requirement.name} comes from its `{requirement.unresolved}`: its entry was kept, not resolved."
            )
    return tuple(notes)


def _carry_over(pipfile: Pipfile, old: Mapping[str, Any], sections: dict[str, Entries]) -> None:
    """Keep the old entries of a category with unresolved packages: what those require is known to the old lock only."""
    for category, requirements in pipfile.categories.items():
        if any(requirement.unresolved for requirement in requirements.values()):
            sections[category] = {**old.get(lock_section(category), {}), **sections[category]}
