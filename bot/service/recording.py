"""Ports that remember what they answered, so that a plan can be made again from the record."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.advisor.prescriptions import Unit
from bot.core.advisories import Advisories, Checked, NotChecked
from bot.core.attestations import Attestations, Attested
from bot.core.events import Actor, Event
from bot.core.labelling import Pull
from bot.core.packages import File, Resolution, Resolver, ResolveRequest, Unresolvable
from bot.core.plan import Action, Plan, ProposeChange
from bot.core.ports import PullRequest, Reader, Snapshot, Standing
from bot.core.records import Asking, Record
from bot.core.releasenotes import Asked, Notes, ReleaseNotes
from bot.core.see import See
from bot.core.texts import update
from bot.service.passing import PassingReader


@dataclass(frozen=True, slots=True)
class Tape:
    """What was asked and answered, in order."""

    reads: list[tuple[str, Any]] = field(default_factory=list)
    advisories: list[tuple[tuple[str, ...], Checked | NotChecked]] = field(default_factory=list)
    notes: list[tuple[tuple[Asked, ...], tuple[Notes, ...]]] = field(default_factory=list)
    asked: list[Asking] = field(default_factory=list)
    attestations: list[tuple[tuple[str, ...], Mapping[str, Attested]]] = field(default_factory=list)


def question(method: str, *values: object) -> str:
    """What was asked of a reader, in one spelling."""
    return f"{method}{values!r}"


class RecordingReader(PassingReader):
    """`ports.Reader` with a tape; what updates do not ask, and tarballs, are not taped."""

    def __init__(self, inner: Reader, tape: Tape) -> None:
        super().__init__(inner)
        self._tape = tape

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str,
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        """As the port has it."""
        found = await super().snapshot(paths, branch=branch, sha=sha, more=more, overlays=overlays, tracked=tracked)
        asked = question("snapshot", tuple(paths), branch, sha, tuple(more), overlays, tracked)
        self._tape.reads.append((asked, found))
        return found

    async def pull_request(self, number: int) -> PullRequest:
        """As the port has it."""
        found = await super().pull_request(number)
        self._tape.reads.append((question("pull_request", number), found))
        return found

    async def tags(self) -> tuple[str, ...]:
        """As the port has it."""
        found = await super().tags()
        self._tape.reads.append((question("tags"), found))
        return found

    async def open_pulls(self) -> tuple[Pull, ...]:
        """As the port has it."""
        found = await super().open_pulls()
        self._tape.reads.append((question("open_pulls"), found))
        return found

    async def paths(self, sha: str) -> tuple[str, ...]:
        """As the port has it."""
        found = await super().paths(sha)
        self._tape.reads.append((question("paths", sha), found))
        return found

    async def standing(self, actor: Actor) -> Standing:
        """As the port has it."""
        found = await super().standing(actor)
        self._tape.reads.append((question("standing", actor), found))
        return found


@dataclass(frozen=True, slots=True)
class RecordingResolver:
    """`Resolver` with a tape."""

    inner: Resolver
    tape: Tape

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """As the port has it."""
        try:
            found = await self.inner.resolve(request)
        except Unresolvable:
            self.tape.asked.append(Asking(request, ""))
            raise
        self.tape.asked.append(Asking(request, found.lock_text))
        return found


@dataclass(frozen=True, slots=True)
class RecordingAdvisories:
    """`Advisories` with a tape."""

    inner: Advisories
    tape: Tape

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        """As the port has it."""
        found = await self.inner.about(names)
        self.tape.advisories.append((tuple(names), found))
        return found


@dataclass(frozen=True, slots=True)
class RecordingAttestations:
    """`Attestations` with a tape."""

    inner: Attestations
    tape: Tape

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        """As the port has it."""
        asked = tuple(files)
        found = await self.inner.of(asked)
        self.tape.attestations.append((tuple(file.sha256 for file in asked), found))
        return found


@dataclass(frozen=True, slots=True)
class RecordingNotes:
    """`ReleaseNotes` with a tape."""

    inner: ReleaseNotes
    tape: Tape

    async def read(self, wanted: Sequence[Asked]) -> tuple[Notes, ...]:
        """As the port has it."""
        found = await self.inner.read(wanted)
        self.tape.notes.append((tuple(wanted), found))
        return found


def derived(plan: Plan) -> bool:
    """Whether the plan proposes a change whose text names what it was derived from."""
    return any(isinstance(action, ProposeChange) and update.SNAPSHOT in action.body for action in plan.actions)


def named(plan: Plan, snapshot: str) -> Plan:
    """The plan with the record's hash in the text of each change."""
    return replace(plan, actions=tuple(_named(action, snapshot) for action in plan.actions))


def _named(action: Action, snapshot: str) -> Action:
    if not isinstance(action, ProposeChange):
        return action
    return replace(action, body=update.with_snapshot(action.body, snapshot))


def recorded(manager: str, event: Event, see: See, tape: Tape, rules: tuple[Unit, ...]) -> Record:
    """All that the manager's plan was made from."""
    return Record(
        manager,
        event,
        see.login,
        see.now,
        see.allowed_hosts,
        tuple(tape.reads),
        tuple(tape.advisories),
        tuple(tape.notes),
        rules,
        tuple(tape.attestations),
    )
