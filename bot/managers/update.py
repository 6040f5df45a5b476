"""Proposes newer dependencies: reads each environment's lock, resolves, opens one pull request for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core import environments, onboarding, openchanges, overlays, proposals, repoconfig, schedules
from bot.core.commands import RebaseNow, SecureNow, UpdateNow
from bot.core.environments import DEFAULT, TOP_FILES, Environment, Found
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, LookWanted, Pushed, RepositoryAdded, Scheduled, WorldChanged
from bot.core.ignored import ignored
from bot.core.plan import Action, Comment, Conclusion, Plan, Report, TrackIssue, Watch
from bot.core.ports import ForgeRefused, OpenChange, Snapshot
from bot.core.proposals import Room, Rules, room
from bot.core.repoconfig import RepoConfig
from bot.core.schedules import Schedule
from bot.core.see import See
from bot.core.texts import answer, dashboard, release
from bot.core.texts import update as text
from bot.core.texts.dashboard import Look
from bot.core.texts.markdown import MAX_CHARACTERS, quiet
from bot.core.watching import Locked

NAME = "update"
CHECK = "Bolide update"
OFF = "Updates are off in this repository's configuration."
LISTENS = (RepositoryAdded, Pushed, Scheduled, WorldChanged, LookWanted, UpdateNow, RebaseNow, SecureNow)
PURPOSE = "updates"
"""What a schedule of the updates is for."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is done about one environment, what is said of it to who asked, and what the dashboard says of it."""

    said: str
    actions: tuple[Action, ...] = ()
    again_after: float | None = None
    title: str = ""
    look: Look | None = None
    locked: tuple[Locked, ...] = ()


async def plan(event: Event, see: See) -> Plan | None:
    """For each environment the pull requests with what is new and fits, or the reason why there is none."""
    if isinstance(event, Scheduled) and event.purpose != PURPOSE:
        return None
    project = await _seen(see)
    about = _about(event, project)
    if about == release.BRANCH:
        return None
    if not about and await _is_elsewhere(event, see):
        return Plan(text.NOT_OURS, _comments(event, text.NOT_OURS))
    if waits := onboarding.waits(project):
        return Plan(waits, _comments(event, waits))
    try:
        config = repoconfig.read(project)
        if not config.runs(NAME):
            return Plan(OFF, _comments(event, OFF))
        found = await _found(project, config, see)
        if idle := _idle(project, found, config):
            return Plan(idle, _comments(event, idle))
        wanted = _wanted(event, project, found)
        course = _Course(event, config, *_rules(event, project, config, see))
        strays = () if course.rules.only_security else openchanges.strays(project.open_changes, found.environments)
        project = await _with_overlays(project, wanted, strays, see)
    except Refused as refusal:
        return _refused(event, project, str(refusal))
    outcomes = [await _one(course, project.on(each.branch), each, see) for each in wanted]
    ends = [action for each in strays for action in openchanges.ending(each, project.others[each.branch], see.login)]
    kept = (*ends, *_watched(course, found, outcomes, see), *_tracked(course, project, found, outcomes))
    return _together(event, outcomes, wanted, found.remarks, kept)


async def _seen(see: See) -> Snapshot:
    """The repository with its configuration, what stands at its top, and what of the bot's is open."""
    top = dict.fromkeys((*repoconfig.PATHS, *onboarding.CONFIGURED_BY, *TOP_FILES))
    return await see.reader.snapshot(
        tuple(top),
        branch=text.BRANCH,
        more=(onboarding.BRANCH,),
        overlays=environments.OVERLAYS,
        tracked=dashboard.LABEL,
    )


@dataclass(frozen=True, slots=True)
class _Course:
    """What all environments of a repository have in common during one look."""

    event: Event
    config: RepoConfig
    rules: Rules
    places: Room
    schedule: Schedule | None


def _rules(event: Event, project: Snapshot, config: RepoConfig, see: See) -> tuple[Rules, Room, Schedule | None]:
    """The owner's rules as they stand now; raises Refused for such as cannot be kept."""
    rules, schedule = config.updates.steering(), config.updates.when()
    entries = ignored(project, config, see.now.date())
    closed = ""
    if schedule and not isinstance(event, Scheduled | CommandGiven):
        closed = f"the schedule{_next(schedule, see)}"
    only = isinstance(event, CommandGiven) and isinstance(event.command, SecureNow)
    about = _about(event, project)
    about = about if openchanges.is_update(about) else ""
    return Rules(rules, entries, _key(event), closed, only, about), room(project, rules.limits, see), schedule


def _next(schedule: Schedule, see: See) -> str:
    due = schedules.next_due(schedule, see.now)
    return f", {due:%A %Y-%m-%d %H:%M} {schedule.zone}" if due else ""


async def _found(project: Snapshot, config: RepoConfig, see: See) -> Found:
    """The environments that the configuration lets this manager look at."""
    found = await overlays.find(project, config, see.reader)
    return replace(found, environments=tuple(each for each in found.environments if config.allows(NAME, each.name)))


def _refused(event: Event, project: Snapshot, sentence: str) -> Plan:
    """What is done where the repository as a whole cannot be looked at."""
    said = quiet(sentence)
    report = Report(project.sha, CHECK, "No update could be proposed", said, "failure")
    return Plan(said, (report, *_comments(event, said)))


def _wanted(event: Event, project: Snapshot, found: Found) -> tuple[Environment, ...]:
    """The environments to look at: the one that a command is about, or all."""
    match event:
        case CommandGiven(command=UpdateNow(environment=name)):
            return found.named(name)
    branch = _about(event, project)
    return tuple(each for each in found.environments if openchanges.belongs(branch, each)) or found.environments


def _about(event: Event, project: Snapshot) -> str:
    """The bot's branch on whose pull request somebody asks to have it made anew; empty elsewhere."""
    match event:
        case CommandGiven(issue=number, command=RebaseNow()):
            return next((each.branch for each in project.open_changes if each.number == number), "")
    return ""


async def _is_elsewhere(event: Event, see: See) -> bool:
    """Whether somebody asks in a pull request to have it made anew that is none of the bot's that are open."""
    match event:
        case CommandGiven(issue=number, command=RebaseNow()):
            try:
                return bool(await see.reader.pull_request(number))
            except ForgeRefused:
                return False  # an issue: everything is meant
    return False


def _idle(project: Snapshot, found: Found, config: RepoConfig) -> str | None:
    """Why there is nothing to update in this repository at all."""
    if project.archived:
        return "The repository is archived."
    if not found.environments:
        places = f"at the top of the repository or in a folder of {config.overlays_dir}/"
        remarks = "".join(f" {remark}" for remark in found.remarks)
        return f"There is no Pipfile, no uv.lock and no requirements.in with its requirements.txt {places}.{remarks}"
    return None


async def _with_overlays(
    project: Snapshot, wanted: tuple[Environment, ...], strays: tuple[OpenChange, ...], see: See
) -> Snapshot:
    """The snapshot with the files and branches of the wanted environments, and the strays' branches, at one commit."""
    others = [each for each in wanted if each.name != DEFAULT]
    seen = {text.BRANCH: project.own_work()}
    branches = [
        name for name in (*(each.branch for each in others), *(each.branch for each in strays)) if name not in seen
    ]
    if not branches:
        return replace(project, others=seen)
    paths = tuple(dict.fromkeys(path for each in others if each.folder for path in each.files))
    first, *more = branches
    there = await see.reader.snapshot(paths, branch=first, sha=project.sha, more=more)
    work = {**seen, first: there.own_work(), **there.others}
    return replace(project, files={**project.files, **there.files}, others=work)


async def _one(course: _Course, project: Snapshot, environment: Environment, see: See) -> _Outcome:
    """What is done about one environment; `project` is seen on its branch."""
    event, name = course.event, environment.name
    upcoming = _next(course.schedule, see).lstrip(", ") if course.schedule else ""
    try:
        found = await proposals.course(project, course.config, environment, course.rules, course.places, see)
    except Refused as refusal:
        said = quiet(str(refusal))
        report = _report(project, environment, "No update could be proposed", said, "failure")
        left = openchanges.after(project.open_changes, environment, ())
        look = Look(name, see.now, left, trouble=str(refusal), next_look=upcoming)
        return _Outcome(said, (report,), look=look, locked=proposals.locked_now(project, environment, see))
    except TryLater as problem:
        if isinstance(event, CommandGiven):
            raise  # who asked is answered in any case
        said = quiet(f"{problem} Bolide tries again by itself.")
        return _Outcome(said, (_report(project, environment, "Waiting", said, "neutral"),), problem.after)
    left = openchanges.after(project.open_changes, environment, found.actions)
    look = Look(name, see.now, left, tuple(found.waiting), found.held_back, "", upcoming, found.checked)
    # A look at the advisories alone says nothing of the rest.
    seen = None if course.rules.only_security else look
    title = "; ".join(found.titles)
    return _Outcome("\n".join(found.said), tuple(found.actions), title=title, look=seen, locked=found.locked)


def _watched(course: _Course, found: Found, outcomes: Sequence[_Outcome], see: See) -> tuple[Watch, ...]:
    """That the index is watched for what is locked; a look at a part of the environments leaves it as it is."""
    if len(outcomes) < len(found.environments) or any(each.again_after is not None for each in outcomes):
        return ()
    locked = tuple(dict.fromkeys(pin for each in outcomes for pin in each.locked))
    return (Watch(locked, course.config.appointments(), course.config.cooldown_days, see.now),)


def _tracked(course: _Course, project: Snapshot, found: Found, outcomes: Sequence[_Outcome]) -> tuple[TrackIssue, ...]:
    """The dashboard, where what it says changes; none where issues are disabled or a person has closed it."""
    issue = project.tracking
    if not project.issues_enabled or not course.config.updates.dashboard or (issue and not issue.open):
        return ()
    before = issue.body if issue else ""
    told = dashboard.without(dashboard.parse(before), [each.name for each in found.environments])
    for outcome in outcomes:
        told = dashboard.with_look(told, outcome.look) if outcome.look else told
    body = dashboard.render(before, told, course.config.updates.steering().ignore)
    if body == before or len(body) > MAX_CHARACTERS:
        return ()
    return (TrackIssue(issue.number if issue else None, dashboard.TITLE, dashboard.LABEL, body),)


def _report(project: Snapshot, environment: Environment, title: str, sentence: str, conclusion: Conclusion) -> Report:
    """What is said on the commit, for those who look there; each environment has its own check run."""
    return Report(project.sha, f"{CHECK}{environment.where}", title, sentence, conclusion)


def _together(
    event: Event,
    outcomes: Sequence[_Outcome],
    wanted: Sequence[Environment],
    remarks: tuple[str, ...],
    kept: tuple[Action, ...],
) -> Plan:
    """What is done about the environments, with one comment that tells of each."""
    names = [f"{each.name}: " if len(wanted) > 1 else "" for each in wanted]
    named = tuple(zip(names, outcomes, strict=True))
    told = "\n".join((*(f"{name}{each.said}" for name, each in named), *map(quiet, remarks)))
    reason = "; ".join(f"{name}{each.title or each.said}" for name, each in named)
    actions = tuple(action for each in outcomes for action in each.actions)
    waits = [each.again_after for each in outcomes if each.again_after is not None]
    return Plan(reason, (*actions, *kept, *_comments(event, told)), again_after=min(waits, default=None))


def _key(event: Event) -> str:
    return answer.key(event) if isinstance(event, CommandGiven) else ""


def _comments(event: Event, sentence: str) -> tuple[Comment, ...]:
    if not isinstance(event, CommandGiven):
        return ()
    return (Comment(event.issue, answer.key(event), sentence),)
