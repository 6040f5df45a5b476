"""What is proposed for one environment, in which pull requests, and what waits: the owner's rules at work."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.core import labels, lockfile, locks, openchanges, securing, steering, watching
from bot.core.environments import DEFAULT, Environment
from bot.core.errors import Refused
from bot.core.locks import Today
from bot.core.openchanges import Ending, belongs
from bot.core.packages import HeldBack, Only, PackageUnknown, Project, Unresolvable
from bot.core.plan import AskEvidence, Comment, KeepLabels, ProposeChange
from bot.core.ports import BotBranch, Snapshot
from bot.core.relock import Relock, Wish, proposed, relock
from bot.core.repoconfig import RepoConfig
from bot.core.securing import Mended
from bot.core.see import See
from bot.core.steering import Batch, Ignored, Limits, Steering
from bot.core.texts import update as text
from bot.core.texts.dashboard import Waiting
from bot.core.texts.markdown import harmless
from bot.core.watching import Locked


@dataclass(frozen=True, slots=True)
class Rules:
    """The owner's rules as they stand now; `ignored` are in force, `asked` is the key of the command, if it is one.

    `closed_until` says for what a pull request waits that would be a new one, empty where it need not.
    `only_security` asks for nothing but what mends advisories; `about` is the one branch that the command is about.
    """

    steering: Steering
    ignored: tuple[Ignored, ...]
    asked: str = ""
    closed_until: str = ""
    only_security: bool = False
    about: str = ""

    def asked_of(self, branch: str) -> str:
        """The key of the command that wants this branch's change, empty for none."""
        return self.asked if self.about in ("", branch) else ""


@dataclass(slots=True)
class Room:
    """How many pull requests may still be opened: `open` are, `recent` of them were within the last hour."""

    limits: Limits
    open: int = 0
    recent: int = 0

    def take(self) -> str:
        """Take a place; where there is none, what has to be waited for."""
        if self.limits.open and self.open >= self.limits.open:
            return f"another to be merged or closed: {self.open} are open, as many as may be"
        if self.limits.per_hour and self.recent >= self.limits.per_hour:
            return f"the next hour: {self.recent} were opened in this one, as many as may be"
        self.open, self.recent = self.open + 1, self.recent + 1
        return ""


def room(project: Snapshot, limits: Limits, see: See) -> Room:
    """The room that the repository's open pull requests leave."""
    ours = [each for each in project.open_changes if openchanges.is_limited(each.branch)]
    recent = [each for each in ours if (see.now - each.opened).total_seconds() < 3600]
    return Room(limits, len(ours), len(recent))


@dataclass(slots=True)
class Course:
    """What is done about one environment, what is said of it, and what is waiting and held back after it."""

    actions: list[ProposeChange | KeepLabels | AskEvidence | Ending] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    held_back: tuple[HeldBack, ...] = ()
    locked: tuple[Locked, ...] = ()
    checked: str = ""


def branch_of(batch: Batch, environment: Environment) -> str:
    """The branch on which a batch is proposed."""
    if batch.kind == "all":
        return environment.branch
    return f"bolide/{batch.slug}" + ("" if environment.name == DEFAULT else f"@{environment.name}")


async def course(
    project: Snapshot, config: RepoConfig, environment: Environment, rules: Rules, places: Room, see: See
) -> Course:
    """What is to be done about the environment; `project` is seen on its branch. Raises Refused or TryLater."""
    today = locks.read(environment, project, see.allowed_hosts)
    mended, unmended = await securing.mend(project, config, environment, rules.ignored, see)
    found = Course(locked=_locked(today), waiting=[Waiting(each.title, each.reason) for each in unmended])
    if rules.only_security:
        return await _secured(found, project, config, environment, mended, rules, places, see)
    plain = Wish(environment, constraints=await _exclusions(rules.ignored, today, see))
    wish, made = await _relocked(project, config, plain, rules, today, see)
    found.held_back, found.checked = made.update.held_back, made.update.advice.checked
    batches = steering.divide(made.update.changes, rules.steering)
    branches = [branch_of(batch, environment) for batch in batches]
    own = [securing.branch_of(environment)] if mended else []
    project = await _with_branches(project, environment, [*own, *branches], see)
    if mended:
        _propose(found, project.on(mended.wish.branch), mended.made, mended.wish, rules, places, see)
    for batch, branch in zip(batches, branches, strict=True):
        part = replace(_part(wish, plain, batch), branch=branch)
        seen = project.on(branch)
        lock = _explained(await relock(seen, config, part, see), rules) if batch.names else made
        _propose(found, seen, lock, part, rules, places, see)
        own += [] if lock.settled else [branch]
    _retire(found, project, environment, own, see)
    return found


def _part(wish: Wish, plain: Wish, batch: Batch) -> Wish:
    """The wish for a batch: nothing is wanted of other packages, such as that they be at a pre-release."""
    if not batch.names:
        return wish
    floors = (line for line in wish.constraints[len(plain.constraints) :] if line.partition(">=")[0] in batch.names)
    return replace(plain, upgrade=Only(batch.names), constraints=(*plain.constraints, *floors))


async def _secured(
    found: Course,
    project: Snapshot,
    config: RepoConfig,
    environment: Environment,
    mended: Mended | None,
    rules: Rules,
    places: Room,
    see: See,
) -> Course:
    """Only what mends advisories, or what came of looking for them."""
    if mended:
        project = await _with_branches(project, environment, [mended.wish.branch], see)
        _propose(found, project.on(mended.wish.branch), mended.made, mended.wish, rules, places, see)
        return found
    found.said += [f"{harmless(each.title)}: {harmless(each.reason)}." for each in found.waiting]
    said = await securing.checked(project, config, environment, see)
    found.said.append(f"Nothing{' else' if found.waiting else ''} is known that could be mended. {said}".strip())
    return found


async def _relocked(
    project: Snapshot, config: RepoConfig, wish: Wish, rules: Rules, today: Today, see: See
) -> tuple[Wish, Relock]:
    """The lock with everything new, and with pre-releases where they are wanted and fit; and the wish for it."""
    if floors := await _floors(rules.steering.prereleases, today, config, see):
        try:
            wanted = replace(wish, constraints=(*wish.constraints, *floors))
            return wanted, _explained(await relock(project, config, wanted, see), rules)
        except Unresolvable:
            pass  # a pre-release does not fit with the rest yet
    return wish, _explained(await relock(project, config, wish, see), rules)


def locked_now(project: Snapshot, environment: Environment, see: See) -> tuple[Locked, ...]:
    """What the environment locks today; nothing where that cannot be read."""
    try:
        return _locked(locks.read(environment, project, see.allowed_hosts))
    except Refused:
        return ()


def _locked(today: Today) -> tuple[Locked, ...]:
    return watching.locked(today.lock or {}, today.wanted.sources[0].url)


async def _exclusions(ignored: Sequence[Ignored], today: Today, see: See) -> tuple[str, ...]:
    """The constraints that keep ignored packages where they are."""
    pins = steering.pins(lockfile.sections(today.lock or {}))
    found = [
        steering.exclusion(each, pins[each.package], (await _page(each.package, today, see)).releases)
        for each in ignored
        if each.package in pins
    ]
    return tuple(constraint for constraint in found if constraint)


async def _floors(names: Sequence[str], today: Today, config: RepoConfig, see: See) -> tuple[str, ...]:
    """For packages of the manifest whose newest release of all is a pre-release, that they be at it."""
    wanted = {key for requirements in today.wanted.categories.values() for key in requirements}
    cutoff = see.now - timedelta(days=config.cooldown_days)
    found = [
        (name, steering.newest_prerelease(await _page(name, today, see), cutoff)) for name in names if name in wanted
    ]
    return tuple(f"{name}>={version}" for name, version in found if version)


async def _page(name: str, today: Today, see: See) -> Project:
    """The package on the index that the manifest has for it; without releases where that does not know it."""
    try:
        return await see.index.project(name, today.wanted.source_of(name).url)
    except PackageUnknown:
        return Project(name, {})


async def _with_branches(project: Snapshot, environment: Environment, branches: Sequence[str], see: See) -> Snapshot:
    """The snapshot with the batches' branches and those of the environment that are open besides."""
    own = {environment.branch: project.own_work()}
    stale = [each.branch for each in project.open_changes if belongs(each.branch, environment)]
    more = [name for name in dict.fromkeys((*branches, *stale)) if name not in own]
    if not more:
        return replace(project, others={**project.others, **own})
    there = await see.reader.snapshot((), branch=more[0], sha=project.sha, more=more[1:])
    return replace(project, others={**project.others, **own, more[0]: there.own_work(), **there.others})


def _propose(found: Course, project: Snapshot, made: Relock, wish: Wish, rules: Rules, places: Room, see: See) -> None:
    """Add what is done about one batch; `project` is seen on its branch."""
    branch, name = project.branch, wish.proposed_on
    if branch and not branch.only_by(see.login):
        return _hand_over(found, branch, name)
    asked = rules.asked_of(name)
    change = proposed(project, made, wish, asked=asked)
    match change:
        case str():
            found.said.append(change)
        case AskEvidence():
            anew = " Its evidence is gathered anew." if change.again else ""
            found.said.append(f"#{change.number} proposes this lock already.{anew}")
            found.actions.append(change)
        case Waiting():
            _wait(found, change)
        case _:
            if wish.prefix == securing.PREFIX:
                change = replace(change, labels=(labels.SECURITY.name,))
            free = bool(change.labels or asked or (change.existing and change.existing.pull_request))
            wait = "" if free else rules.closed_until or places.take()
            if wait:
                return _wait(found, Waiting(change.title, wait))
            if change.labels and not (change.existing and change.existing.pull_request):
                found.actions.append(KeepLabels((labels.SECURITY,)))
            found.actions.append(change)
            found.titles.append(change.title)
            found.said.append(f"{{proposed {name}}} is open; its evidence follows there.")
    return None


def _wait(found: Course, change: Waiting) -> None:
    found.waiting.append(change)
    found.said.append(f"{change.title} waits for {change.reason}.")


def _hand_over(found: Course, branch: BotBranch, name: str) -> None:
    """A branch with a person's commits is left alone: it is said once, on its pull request."""
    said = text.handed_over(name)
    found.said.append(said)
    if branch.pull_request:
        found.actions.append(Comment(branch.pull_request, "handed over", said))


def _retire(found: Course, project: Snapshot, environment: Environment, wanted: Sequence[str], see: See) -> None:
    """Close what is open though there is nothing to propose there any more, unless a person has committed to it."""
    for each in project.open_changes:
        if belongs(each.branch, environment) and each.branch not in wanted:
            end = openchanges.ending(each, project.others[each.branch], see.login)
            found.actions += end
            found.said += [f"#{each.number} is closed: its updates are no longer to be made."] if end else []


def _explained(made: Relock, rules: Rules) -> Relock:
    """The lock with the owner's reason where a package is held back because its newest release is ignored."""
    return made.explained(lambda held: next((steering.reason(one) for one in rules.ignored if _is_why(one, held)), ""))


def _is_why(ignored: Ignored, held: HeldBack) -> bool:
    return steering.covers(ignored, held.name, held.latest)
