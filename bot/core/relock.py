"""A new lock for one environment, and the pull request for it: what every manager that proposes updates calls."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from bot.core import changes, interpreter, locks, pipfile, publishers, repoconfig
from bot.core.changes import Change
from bot.core.environments import PYTHON_VERSION, Environment
from bot.core.interpreter import Python, Told
from bot.core.locks import Today
from bot.core.packages import All, HeldBack, Only, PackageUnknown, Resolution, ResolveRequest, Upgrade
from bot.core.pipfile import Pipfile
from bot.core.plan import AskEvidence, FileChange, ProposeChange, Target
from bot.core.ports import Snapshot
from bot.core.releasenotes import Asked
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import update as text
from bot.core.texts.dashboard import Waiting
from bot.core.texts.update import Move, UpdateText


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of one environment: what may move, within which limits, and on which branch it is proposed.

    `constraints` are PEP 508 lines such as "flask<3", `exempt` names packages that the cooldown spares, `prefix`
    begins the title. Without a `cooldown_days` of its own the wish has the configuration's.
    """

    environment: Environment
    upgrade: Upgrade = field(default_factory=All)
    constraints: tuple[str, ...] = ()
    exempt: frozenset[str] = frozenset()
    branch: str = ""
    prefix: str = ""
    cooldown_days: int | None = None

    @property
    def proposed_on(self) -> str:
        """The branch: the environment's own where the wish names none."""
        return self.branch or self.environment.branch


@dataclass(frozen=True, slots=True)
class Relock:
    """A new lock: its text, what it changes, and whether today's lock is as good."""

    update: UpdateText
    lock_text: str
    settled: bool

    def explained(self, why: Callable[[HeldBack], str]) -> "Relock":
        """The same lock, with another reason for each package that is held back for which there is one."""
        held = (replace(each, reason=why(each) or each.reason) for each in self.update.held_back)
        return replace(self, update=replace(self.update, held_back=tuple(held)))


async def relock(project: Snapshot, config: RepoConfig, wish: Wish, see: See) -> Relock:
    """The lock that the wish gives; raises Refused or TryLater.

    `project` holds the environment's files and the `.python-version` at the top.
    """
    environment = wish.environment
    today = locks.read(environment, project, see.allowed_hosts)
    python = python_of(project, config, environment, today)
    request = _request(config, wish, today, python, see)
    found = await see.resolver.resolve(request)
    made = locks.write(environment, today, found, python.version)
    moved = changes.diff(today.lock or {}, made.lock, today.wanted)
    update = UpdateText(
        environment,
        await _moves(moved, found, today.wanted, environment, see),
        found.held_back,
        (*python.notes, *locks.remarks(environment, today), *found.notes),
        project.sha,
        hashlib.sha256(made.text.encode()).hexdigest(),
        python.version,
        cooldown_days(config, wish),
        found.resolver,
        see.now,
        advice=found.advice,
        partial=isinstance(wish.upgrade, Only),
        exempt=wish.exempt,
    )
    settled = made.text == today.text or (not moved and locks.is_as_good(environment, today, made))
    if not settled and not _is_open(project, update):
        told = await see.release_notes.read(_asked(moved, today.wanted))
        rows = await publishers.rows(moved, today.lock or {}, made.lock, today.wanted, see)
        advice = replace(update.advice, rows=(*update.advice.rows, *rows))
        update = replace(update, release_notes=told, advice=advice)
    return Relock(update, made.text, settled)


def _asked(moved: tuple[Change, ...], wanted: Pipfile) -> tuple[Asked, ...]:
    """The packages of whose releases the pull request tells: those that the manifest names first."""
    newer = [change for change in moved if change.kind == "updated"]
    return tuple(Asked(change.name, change.old, change.new, wanted.source_of(change.name).url) for change in newer)


def _is_open(project: Snapshot, update: UpdateText) -> bool:
    """Whether the branch's pull request proposes this lock already."""
    body = project.branch.pull_request_body if project.branch and project.branch.pull_request else ""
    return text.parse(body) == text.Proposal(update.base_sha, update.lock_sha256, update.environment.lock)


def python_of(project: Snapshot, config: RepoConfig, environment: Environment, today: Today) -> Python:
    """The Python that the environment is locked for; `project` holds its files and the `.python-version` at the top."""
    files = {path: project.text(path) for path in (environment.python_version, PYTHON_VERSION)}
    runtime = config.environment(environment.name)
    place = runtime.python_version if runtime else ""
    told = Told(today.wanted_python, files, config.python, place, today.locked_python)
    return interpreter.choose(environment, told, repoconfig.PATH)


def request_of(project: Snapshot, config: RepoConfig, wish: Wish, see: See) -> ResolveRequest:
    """What is asked of the resolver, or of the adviser, for the wish; raises Refused."""
    today = locks.read(wish.environment, project, see.allowed_hosts)
    return _request(config, wish, today, python_of(project, config, wish.environment, today), see)


def _request(config: RepoConfig, wish: Wish, today: Today, python: Python, see: See) -> ResolveRequest:
    return ResolveRequest(
        today.wanted,
        today.lock,
        python.version,
        wish.upgrade,
        see.now - timedelta(days=cooldown_days(config, wish)),
        wish.constraints,
        wish.exempt,
        config.recommended(wish.environment.name),
        config.thoth,
        today.uv,
    )


def cooldown_days(config: RepoConfig, wish: Wish) -> int:
    """How many days old a release must be."""
    return config.cooldown_days if wish.cooldown_days is None else wish.cooldown_days


def proposed(
    project: Snapshot, made: Relock, wish: Wish, *, asked: str = ""
) -> ProposeChange | AskEvidence | Waiting | str:
    """The change to propose, the proposal that is open already, what it waits for, or why there is nothing to do.

    `project` is seen on the wish's branch. `asked` is the key of the command that wants it, empty for none.
    """
    if made.settled:
        return "Every dependency is at the newest version that fits."
    update, lock, branch = made.update, wish.environment.lock, project.branch
    if branch and branch.pull_request and _is_open(project, update):
        return AskEvidence(branch.pull_request, project.sha, branch.sha, lock, asked)
    declined = {found.lock_sha256 for body in project.declined if (found := text.parse(body))}
    title = f"{wish.prefix}{text.title(update.changes, wish.environment)}"
    if not asked and update.lock_sha256 in declined:
        return Waiting(title, "the comment /update, as its pull request was closed")
    return ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        wish.proposed_on,
        project.existing(),
        (FileChange(lock, made.lock_text),),
        f"{wish.prefix}{text.message(update)}",
        title,
        text.body(update),
        evidence=lock,
    )


async def _moves(
    moved: tuple[Change, ...],
    found: Resolution,
    wanted: Pipfile,
    environment: Environment,
    see: See,
) -> tuple[Move, ...]:
    """For each changed package, who wants it, and where and when its new version came out."""
    moves = []
    held = {each.name for each in found.held_back}
    for change in moved:
        source = wanted.source_of(change.name)
        released = await _released(change, source, see) if change.new else None
        parents = found.required_by.get(change.name, ())
        why = found.advice.reasons.get(change.name) or _why(change, parents, environment, held)
        moves.append(Move(change, why, released, source.name))
    return tuple(moves)


def _why(change: Change, parents: tuple[str, ...], environment: Environment, held: Collection[str]) -> str:
    if not change.new:
        return "nothing requires it any more"
    if change.kind == "downgraded":
        return "the version in the lock does not fit any more"
    if change.direct and change.name in held:
        return "newest release that fits; see Held back"
    if change.direct:
        return f"newest release that {environment.wanted_by} allows"
    return f"required by {', '.join(parents[:3]) or environment.wanted_by}"


async def _released(change: Change, source: pipfile.Source, see: See) -> date | None:
    """The day of the new version's first file."""
    try:
        files = (await see.index.project(change.name, source.url)).release(change.new)
    except PackageUnknown:
        return None  # another index of the manifest has it, and the lock does not tell which
    times = [file.upload_time for file in files if file.upload_time]
    return min(times).date() if times else None
