"""Collects what advice rests on, through the ports, and has the advisor judge it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from packaging.utils import canonicalize_name

from bot.advisor import explain, sieves, steps
from bot.advisor.explain import Parent, Wanted
from bot.advisor.knowledge import Knowledge, Stack, stack
from bot.advisor.policy import POLICIES, Policy
from bot.advisor.prescriptions import Unit
from bot.advisor.sieves import Hit, Sifted
from bot.core import changes
from bot.core.advice import Advice, Fix, Recommendation, Row
from bot.core.advisories import Advisories, Unasked
from bot.core.candidates import Target
from bot.core.errors import Refused
from bot.core.locking import requires_dist
from bot.core.packages import (
    All,
    File,
    Index,
    Keep,
    Project,
    Resolution,
    Resolver,
    ResolveRequest,
    Unresolvable,
)
from bot.core.pipfile import Pipfile
from bot.core.steering import Ignored

ROUNDS = 4
Avoided = Mapping[str, tuple[Sifted, ...]]


@dataclass(frozen=True, slots=True)
class Pages:
    """The `Index` port with a memory: each page is read once while one plan is made."""

    index: Index
    known: dict[tuple[str, str], Project] = field(default_factory=dict)

    async def project(self, name: str, url: str, *, fresh: bool = False) -> Project:
        """The package on the index at `url`; raises what the index raises."""
        if fresh or (name, url) not in self.known:
            self.known[name, url] = await self.index.project(name, url, fresh=fresh)
        return self.known[name, url]

    async def projects(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Project | str]:
        """Several pages at once, as the index gives them."""
        places = sorted(set(wanted))
        told = await self.index.projects(place for place in places if place not in self.known)
        self.known.update({place: page for place, page in told.items() if isinstance(page, Project) and page.releases})
        return {place: self.known.get(place) or told[place] for place in places}

    async def metadata(self, file: File) -> str:
        """The core metadata of a wheel."""
        return await self.index.metadata(file)


def _no_platform(request: ResolveRequest) -> Target:
    return Target(request.python or "3.11", frozenset())


@dataclass(frozen=True, slots=True)
class Lore:
    """What the operator has the adviser know: advisories, rules, and the Python and platform that a request is for."""

    advisories: Advisories = field(default_factory=Unasked)
    rules: tuple[Unit, ...] = ()
    target: Callable[[ResolveRequest], Target] = _no_platform


@dataclass(frozen=True, slots=True)
class Advising:
    """`Adviser`, and `Resolver` too: its locks have no version that a sieve or rule leaves out and that is avoidable.

    `now` is the moment as of which all is known.
    """

    resolver: Resolver
    index: Index
    lore: Lore
    now: datetime

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """The resolver's lock, made again without what sieves and rules leave out of it."""
        policy = POLICIES[request.recommendation]
        request = _by_policy(request, policy)
        found = await self.resolver.resolve(request)
        avoided: Avoided = {}
        tried: set[str] = set()
        for _ in range(ROUNDS):
            pins = _judged(found, request)
            hits = sieves.exclusions(pins, await self._suspects(request, pins, [found.lock]), policy)
            new = [hit for hit in hits if hit.key not in tried]
            if not new:
                break
            for hit in new:
                tried.add(hit.key)
                found, avoided = await self._avoiding(request, found, avoided, hit)
        return await self._with_advice(request, found, avoided, policy)

    async def _avoiding(
        self, request: ResolveRequest, found: Resolution, avoided: Avoided, hit: Hit
    ) -> tuple[Resolution, Avoided]:
        """The first resolution that can do without what was hit; the one that was found where none can."""
        for name, held in hit.options:
            more = {**avoided, name: (*avoided.get(name, ()), *held)}
            try:
                return await self.resolver.resolve(_without(request, more)), more
            except Unresolvable:
                continue
        return found, avoided

    async def recommend(self, request: ResolveRequest) -> Recommendation:
        """The rows for the old lock, and the best of: today's lock, what must move, everything that may move."""
        policy = POLICIES[request.recommendation]
        made, trouble = await self._made(request, policy)
        locks = [request.old_lock or {}, *(found.lock for found in made)]
        knowledge = await self._whole(request, {name for lock in locks for name in stack(lock, ()).pins}, locks)
        scores = [steps.score(_stack(request, lock), knowledge, policy).total for lock in locks]
        considered = range(0 if request.old_lock else 1, len(scores))
        best = max(considered, key=lambda place: (scores[place], -place))
        rows = explain.rows(_stack(request, locks[0]), knowledge, policy)
        rows = (*rows, Row("WARNING", trouble, "", "", "resolver", knowledge.day)) if trouble else rows
        chosen = made[best - 1] if best else None
        if chosen:
            moved = changes.diff(request.old_lock or {}, chosen.lock, request.pipfile)
            beside = (row for row in chosen.advice.rows if row not in rows)
            rows = (*rows, *beside, *explain.moved(moved, chosen.held_back, knowledge))
        said = explain.checked(knowledge.advisories)
        return Recommendation(policy.type, rows, said, scores[0] if request.old_lock else None, scores[best], chosen)

    async def fixes(self, request: ResolveRequest) -> tuple[Fix, ...]:
        """The packages of the old lock that need another version for safety."""
        lock = request.old_lock or {}
        today = _stack(request, lock)
        return explain.fixes(today, await self._suspects(request, today.pins, [lock]))

    async def explain(self, request: ResolveRequest, name: str, ignored: tuple[Ignored, ...] = ()) -> tuple[str, ...]:
        """Why the package is locked as it is; raises Refused where the lock does not have it."""
        name, today = canonicalize_name(name), _stack(request, request.old_lock or {})
        if not request.old_lock:
            raise Refused("There is no lock yet, so no package is locked.")
        if name not in today.pins:
            raise Refused(f"{name} is not in the lock, which has {len(today.pins)} packages.")
        required_by, trouble = await self._required_by(request)
        parents = sorted(parent for parent in required_by.get(name, ()) if parent in today.pins)
        knowledge = await self._whole(request, {name, *parents}, [request.old_lock or {}])
        told = [await self._parent(parent, name, today, knowledge) for parent in parents]
        tables = request.pipfile.categories.items()
        own = {place: requirements[name].specifier for place, requirements in tables if name in requirements}
        policy = POLICIES[request.recommendation]
        lines = explain.explain(name, today.pins[name], Wanted(own, tuple(told), ignored), knowledge, policy)
        return (*lines, trouble) if trouble else lines

    async def _required_by(self, request: ResolveRequest) -> tuple[Mapping[str, tuple[str, ...]], str]:
        """Who requires what in today's lock, or why that is not known."""
        try:
            return (await self.resolver.resolve(replace(request, upgrade=Keep()))).required_by, ""
        except Unresolvable as problem:
            return {}, f"Which packages require it is unknown, since the lock cannot be made again: {problem}"

    async def _parent(self, parent: str, child: str, today: Stack, knowledge: Knowledge) -> Parent:
        """What a locked package's own metadata say of another one."""
        version = today.pins[parent]
        files = sieves.candidate(parent, version, knowledge).files
        wheel = next((file for file in files if file.kind == "wheel"), None)
        lines = requires_dist(await self.index.metadata(wheel)) if wheel else ()
        return Parent(parent, version, explain.asks(lines, child, knowledge.target.python) or "")

    async def _made(self, request: ResolveRequest, policy: Policy) -> tuple[list[Resolution], str]:
        """The locks that today's is compared with, or why there are none; raises Unresolvable without a lock today."""
        try:
            if policy.minimal and request.old_lock:
                return await self._secure(request), ""
            return await self._ways(request), ""
        except Unresolvable as problem:
            if not request.old_lock:
                raise
            return [], f"No other lock can be made: {problem}"

    async def _ways(self, request: ResolveRequest) -> list[Resolution]:
        """Everything that may move, and only what must."""
        return [await self.resolve(request), await self.resolve(replace(request, upgrade=Keep()))]

    async def _secure(self, request: ResolveRequest) -> list[Resolution]:
        """The lock in which what is unsafe moves alone: to its first safe version, or beyond it where it must."""
        told = [fix for fix in await self.fixes(request) if fix.minimum]
        if not told:
            return []
        try:
            return [await self.resolve(explain.secured(request, told))]
        except Unresolvable:
            return [await self.resolve(explain.secured(request, told, at_least=True))]

    async def _with_advice(
        self, request: ResolveRequest, found: Resolution, avoided: Avoided, policy: Policy
    ) -> Resolution:
        locks = [request.old_lock or {}, found.lock]
        before, after = (_stack(request, lock) for lock in locks)
        moved = {name for name, version in before.pins.items() if after.pins.get(name, version) != version}
        told = await self._suspects(request, before.pins, locks, more=moved)
        beside = await self._suspects(request, after.pins, locks)
        rows = tuple(row for row in explain.warnings(after, beside, policy) if row.type != "INFO")
        advice = Advice(rows, explain.checked(beside.advisories), explain.reasons(before, after, told))
        return replace(found, held_back=explain.held_back(found, avoided, after.pins), advice=advice)

    async def _suspects(
        self, request: ResolveRequest, pins: Mapping[str, str], locks: list[Mapping[str, Any]], more: Iterable[str] = ()
    ) -> Knowledge:
        """The advisories about the pins, and the pages of those of them that need a look."""
        blank = await self._blank(request, pins, locks)
        names = sieves.suspects(pins, blank) | set(more)
        return replace(blank, projects=await self._projects(names, blank.homes))

    async def _whole(self, request: ResolveRequest, names: Iterable[str], locks: list[Mapping[str, Any]]) -> Knowledge:
        """The advisories about the packages, and the pages of all of them."""
        blank = await self._blank(request, names, locks)
        return replace(blank, projects=await self._projects(frozenset(names), blank.homes))

    async def _blank(self, request: ResolveRequest, names: Iterable[str], locks: list[Mapping[str, Any]]) -> Knowledge:
        told = await self.lore.advisories.about(sorted(names))
        homes = _homes(request.pipfile, locks)
        return Knowledge(self.now, self.lore.target(request), request.cutoff, {}, homes, told, self.lore.rules)

    async def _projects(self, names: Iterable[str], homes: Mapping[str, str]) -> dict[str, Project]:
        """The packages' pages; one that the index does not have, or that cannot be read, is not there."""
        told = await self.index.projects((name, homes[name]) for name in sorted(names))
        return {name: page for (name, _), page in told.items() if isinstance(page, Project) and page.releases}


def _by_policy(request: ResolveRequest, policy: Policy) -> ResolveRequest:
    """The request as the recommendation type has it: with or without pre-releases."""
    wanted = request.pipfile
    if policy.prereleases:
        wanted = replace(wanted, settings={**wanted.settings, "allow_prereleases": True})
    return replace(request, pipfile=wanted)


def _judged(found: Resolution, request: ResolveRequest) -> dict[str, str]:
    """The pins that the resolution answers for: all, or where little is to move those that moved."""
    pins = stack(found.lock, ()).pins
    old = {} if isinstance(request.upgrade, All) else stack(request.old_lock or {}, ()).pins
    return {name: version for name, version in pins.items() if old.get(name) != version}


def _without(request: ResolveRequest, avoided: Avoided) -> ResolveRequest:
    lines = tuple(sieves.constraint(name, held) for name, held in sorted(avoided.items()))
    return replace(request, constraints=(*request.constraints, *lines))


def _stack(request: ResolveRequest, lock: Mapping[str, Any]) -> Stack:
    return stack(lock, {name for requirements in request.pipfile.categories.values() for name in requirements})


def _homes(wanted: Pipfile, locks: Iterable[Mapping[str, Any]]) -> Mapping[str, str]:
    """The index of each package of the locks: what the project declares for it, else the first one."""
    urls = {source.name: source.url for source in wanted.sources}
    named = {r.key: urls[r.index] for table in wanted.categories.values() for r in table.values() if r.index}
    names = {name for lock in locks for name in stack(lock, ()).pins}
    return {name: named.get(name, wanted.sources[0].url) for name in names}
