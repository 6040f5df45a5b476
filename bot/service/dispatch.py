"""From a delivery to its effects: parse, route to managers, authorise, plan, apply."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import ModuleType
from typing import Any

from bot.core import authority, payloads
from bot.core.attestations import Attestations, NoAttestations
from bot.core.baseimages import NoRegistry, Registry
from bot.core.errors import Refused, TryLater
from bot.core.events import ChangeProposed, CommandGiven, Event, Ignored, PullRequestMerged, Pushed
from bot.core.mirror import Mirror, expected, is_quiet, outdates
from bot.core.packages import Index, Resolver
from bot.core.plan import Comment, Plan, React
from bot.core.ports import (
    Delivery,
    Deployed,
    Forge,
    ForgeRefused,
    ForgeUnavailable,
    HeadMoved,
    Inbox,
    InboxUnavailable,
    Job,
    Laboratory,
    Reader,
    Runner,
)
from bot.core.records import Archive, NoArchive
from bot.core.releasenotes import ReleaseNotes
from bot.core.see import See
from bot.core.texts import answer as answers
from bot.core.texts import release as releases
from bot.core.texts.markdown import quiet
from bot.core.watching import WatchList
from bot.managers import (
    advise,
    answer,
    base_images,
    bisect,
    configuration,
    deliver,
    evidence,
    farewell,
    info,
    labels,
    preview,
    provenance,
    publish,
    recheck,
    redeploy,
    release,
    requirements,
    rerun,
    rollback,
    steer,
    update,
    yank,
)
from bot.service.advising import Advising, Lore, Pages
from bot.service.apply import Hands, apply
from bot.service.mirrored import Forgetful, MirroredReader
from bot.service.recording import (
    RecordingAdvisories,
    RecordingAttestations,
    RecordingNotes,
    RecordingReader,
    RecordingResolver,
    Tape,
    derived,
    named,
    recorded,
)

MANAGERS: Mapping[str, ModuleType] = {
    manager.NAME: manager
    for manager in (
        configuration,
        update,
        steer,
        recheck,
        bisect,
        evidence,
        release,
        publish,
        yank,
        redeploy,
        rerun,
        rollback,
        preview,
        deliver,
        advise,
        provenance,
        info,
        requirements,
        labels,
        base_images,
        farewell,
        answer,
    )
}
RECOMPUTE_AT_MOST = 3
OUTDATING = frozenset({"issues", "pull_request", "push", "repository"})
"""Deliveries after which what is known of a repository may be untrue."""
GAVE_UP = "This failed several times for a reason that Bolide did not expect; its operator finds it in the log."


@dataclass(frozen=True, slots=True)
class Outside:
    """Every port that dispatch hands on."""

    forge: Forge
    index: Index
    resolver: Resolver
    laboratory: Laboratory
    release_notes: ReleaseNotes
    runner: Runner
    deployed: Deployed
    inbox: Inbox
    watch_list: WatchList
    now: Callable[[], datetime]
    service_url: str
    allowed_hosts: frozenset[str] = frozenset()
    lore: Lore = field(default_factory=Lore)
    archive: Archive = field(default_factory=NoArchive)
    mirror: Mirror = field(default_factory=Forgetful)
    registry: Registry = field(default_factory=NoRegistry)
    attestations: Attestations = field(default_factory=NoAttestations)
    runs_url: str = ""
    """The dashboard's page of runs; empty where there is none."""


class Dispatch:
    """Routes deliveries to managers and carries out what they plan."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._outdated: set[int] = set()  # repositories of which the mirror is to forget what it knows

    def route(self, delivery: Delivery) -> tuple[dict[str, str], str]:
        """The delivery's jobs (name → lane) and a note where there are none."""
        self._heed(delivery)
        found = self._parse(delivery)
        if isinstance(found, Ignored):
            return {}, found.reason
        jobs = {
            f"{position}/{name}": f"{event.repository.id}/{getattr(manager, 'LANE', name)}"
            for position, event in enumerate(found)
            for name, manager in MANAGERS.items()
            if _listens(manager, event)
        }
        return jobs, "" if jobs else "no manager listens"

    async def work(self, job: Job) -> str:
        """Do the job and return a note of what came out. Raises TryLater, or Refused when nothing can be done."""
        position, name = job.manager.split("/", 1)
        found = self._parse(job.delivery)
        if isinstance(found, Ignored):
            raise Refused(found.reason)
        event = found[int(position)]
        try:
            return await self._plan_and_apply(event, name)
        except ForgeUnavailable as problem:
            raise TryLater(str(problem), problem.after) from problem
        except TryLater as problem:
            await self._tell(event, f"{problem} {answers.AGAIN}")
            raise
        except (ForgeRefused, Refused) as problem:
            await self._tell(event, str(problem))
            raise Refused(str(problem)) from problem

    async def gave_up(self, job: Job) -> None:
        """Tell whoever waits for a job that it was set aside after failing again and again."""
        position, _ = job.manager.split("/", 1)
        found = self._parse(job.delivery)
        if not isinstance(found, Ignored):
            await self._tell(found[int(position)], GAVE_UP)

    async def _tell(self, event: Event, sentence: str) -> None:
        """Say it where somebody waits for an answer: under the command, or on the pull request of a release."""
        match event:
            case CommandGiven(issue=number):
                key = answers.key(event)
            case PullRequestMerged(number=number, branch=releases.BRANCH):
                key = releases.STATE
            case ChangeProposed(number=number):
                key = "not examined"
            case _:
                return
        # GitHub may refuse (the issue is locked) or be away: the outcome of the job is told in the log all the same.
        with suppress(ForgeRefused, ForgeUnavailable):
            await self._outside.forge.writer(event.repository).comment(Comment(number, key, quiet(sentence)))

    def listeners(self, event: Event) -> tuple[str, ...]:
        """The managers to which the event is of concern."""
        return tuple(name for name, manager in MANAGERS.items() if _listens(manager, event))

    async def plan(self, event: Event, name: str) -> Plan | None:
        """What the manager would do now: the dry run."""
        return await self._plan(event, name, self._outside.forge.reader(event.repository, name))

    async def _plan(self, event: Event, name: str, reader: Reader) -> Plan | None:
        """The manager's plan; where it proposes a change, what it was made from is kept and named in the body."""
        outside, tape = self._outside, Tape()
        now = outside.now()
        pages = Pages(outside.index)
        lore = replace(outside.lore, advisories=RecordingAdvisories(outside.lore.advisories, tape))
        advising = Advising(RecordingResolver(outside.resolver, tape), pages, lore, now)
        see = See(
            RecordingReader(reader, tape),
            pages,
            advising,
            advising,
            outside.laboratory,
            RecordingNotes(outside.release_notes, tape),
            outside.deployed,
            outside.forge.login,
            now,
            outside.allowed_hosts,
            outside.registry,
            RecordingAttestations(outside.attestations, tape),
        )
        result: Plan | None = await MANAGERS[name].plan(event, see)
        if result is None or not derived(result):
            return result
        record = recorded(name, event, see, tape, lore.rules)
        return named(result, await outside.archive.keep(record, tuple(tape.asked)))

    async def _plan_and_apply(self, event: Event, name: str) -> str:
        outside = self._outside
        reader = outside.forge.reader(event.repository, name)
        writer = outside.forge.writer(event.repository, name)
        hands = Hands(
            event.repository,
            reader,
            writer,
            outside.inbox,
            outside.runner,
            outside.watch_list,
            outside.service_url,
            outside.archive,
            outside.runs_url,
        )
        if isinstance(event, CommandGiven):
            refusal = await authority.refusal(event.actor, reader)
            if refusal:
                await apply(Plan(refusal, (Comment(event.issue, "refused", refusal),)), hands)
                return refusal
            await writer.react(React(event.issue, event.comment, "eyes"))
        for attempt in range(RECOMPUTE_AT_MOST):
            plan = await self._planned(event, name, reader, fresh=attempt > 0 or isinstance(event, CommandGiven))
            if plan is None:
                return "not for this manager"
            try:
                await apply(plan, hands)
            except HeadMoved:
                continue
            finally:
                if outdates(plan):
                    self._outdated.add(event.repository.id)
            if plan.again_after is not None:
                raise TryLater(plan.reason, plan.again_after)
            return plan.reason
        raise TryLater(f"{event.repository.name} moved {RECOMPUTE_AT_MOST} times while the change was made.", 60)

    async def _planned(self, event: Event, name: str, reader: Reader, *, fresh: bool) -> Plan | None:
        """The plan, made on what is known where that shows that there is nothing to do, else after a look."""
        seeing = await self._mirrored(event, reader, recalls=not fresh)
        plan = await self._plan(event, name, seeing)
        if seeing.recalled and not is_quiet(plan):
            return await self._plan(event, name, await self._mirrored(event, reader, recalls=False))
        return plan

    async def _mirrored(self, event: Event, reader: Reader, *, recalls: bool) -> MirroredReader:
        """The reader, remembering what it reads; `recalls`: answering from memory what has not changed since."""
        mirror, repository = self._outside.mirror, event.repository
        with suppress(InboxUnavailable):
            if repository.id in self._outdated:
                self._outdated.discard(repository.id)
                await mirror.forget(repository)
            if isinstance(event, Pushed):
                await mirror.advance(repository, event.before, event.sha, event.changed)
        return MirroredReader(reader, mirror, repository, self._outside.now(), expected(event), recalls=recalls)

    def _heed(self, delivery: Delivery) -> None:
        """Note whose pull requests, issues, branches or settings changed, whoever changed them."""
        if delivery.kind in OUTDATING:
            body = json.loads(delivery.body)
            told = body.get("repository") if isinstance(body, dict) else None
            if isinstance(told, dict) and isinstance(told.get("id"), int) and not _is_push_to_default(delivery, body):
                self._outdated.add(told["id"])

    def _parse(self, delivery: Delivery) -> tuple[Event, ...] | Ignored:
        return payloads.parse(delivery.kind, json.loads(delivery.body), self._outside.forge.login)


def _is_push_to_default(delivery: Delivery, body: Mapping[str, Any]) -> bool:
    """Whether this is a push that a `Pushed` event tells of, with what it changed."""
    return delivery.kind == "push" and body.get("ref") == f"refs/heads/{body['repository'].get('default_branch')}"


def _listens(manager: ModuleType, event: Event) -> bool:
    kind = type(event.command) if isinstance(event, CommandGiven) else type(event)
    return kind in manager.LISTENS
