"""Proposes newer dependencies: reads each environment's lock, resolves, opens one pull request for each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core import environments, onboarding, repoconfig
from bot.core.commands import UpdateNow
from bot.core.environments import DEFAULT, TOP_FILES, Environment, Found
from bot.core.errors import Refused, TryLater
from bot.core.events import CommandGiven, Event, Pushed, RepositoryAdded
from bot.core.plan import Action, AskEvidence, Comment, Conclusion, Plan, ProposeChange, Report
from bot.core.ports import BotBranch, Snapshot
from bot.core.relock import Wish, proposed, relock
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts import update as text
from bot.core.texts.markdown import quiet

NAME = "update"
CHECK = "Bolide update"
OFF = "Updates are off in this repository's configuration."
LISTENS = (RepositoryAdded, Pushed, UpdateNow)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is done about one environment, and what is said of it to who asked."""

    said: str
    actions: tuple[Action, ...] = ()
    again_after: float | None = None
    title: str = ""


async def plan(event: Event, see: See) -> Plan | None:
    """For each environment one pull request with every newer version that fits, or the reason why there is none."""
    top = dict.fromkeys((*repoconfig.PATHS, *onboarding.CONFIGURED_BY, *TOP_FILES))
    project = await see.reader.snapshot(
        tuple(top), branch=text.BRANCH, more=(onboarding.BRANCH,), overlays=environments.OVERLAYS
    )
    if waits := onboarding.waits(project):
        return Plan(waits, _comments(event, waits))
    try:
        config = repoconfig.read(project)
        if not config.runs(NAME):
            return Plan(OFF, _comments(event, OFF))
        found = await _found(project, config, see)
        if idle := _idle(project, found, config):
            return Plan(idle, _comments(event, idle))
        wanted = found.named(_asked_for(event))
        project = await _with_overlays(project, wanted, see)
    except Refused as refusal:
        return _refused(event, project, str(refusal))
    outcomes = [await _one(event, project.on(each.branch), each, config, see) for each in wanted]
    return _together(event, outcomes, wanted, found.remarks)


async def _found(project: Snapshot, config: RepoConfig, see: See) -> Found:
    """The environments that the configuration lets this manager look at."""
    listing = project.listing
    if config.overlays_dir != environments.OVERLAYS:
        elsewhere = await see.reader.snapshot((), branch=text.BRANCH, sha=project.sha, overlays=config.overlays_dir)
        listing = elsewhere.listing
    found = environments.find(listing, config.overlays_dir)
    return replace(found, environments=tuple(each for each in found.environments if config.allows(NAME, each.name)))


def _refused(event: Event, project: Snapshot, sentence: str) -> Plan:
    """What is done where the repository as a whole cannot be looked at."""
    said = quiet(sentence)
    report = Report(project.sha, CHECK, "No update could be proposed", said, "failure")
    return Plan(said, (report, *_comments(event, said)))


def _asked_for(event: Event) -> str:
    """The name of the one environment that a command is about."""
    match event:
        case CommandGiven(command=UpdateNow(environment=name)):
            return name
    return ""


def _idle(project: Snapshot, found: Found, config: RepoConfig) -> str | None:
    """Why there is nothing to update in this repository at all."""
    if project.archived:
        return "The repository is archived."
    if not found.environments:
        places = f"at the top of the repository or in a folder of {config.overlays_dir}/"
        remarks = "".join(f" {remark}" for remark in found.remarks)
        return f"There is no Pipfile, no uv.lock and no requirements.in with its requirements.txt {places}.{remarks}"
    return None


async def _with_overlays(project: Snapshot, wanted: tuple[Environment, ...], see: See) -> Snapshot:
    """The snapshot with the files and the branches of the wanted environments, at the same commit."""
    others = [each for each in wanted if each.name != DEFAULT]
    seen = {text.BRANCH: project.own_work()}
    if not others:
        return replace(project, others=seen)
    paths = tuple(dict.fromkeys(path for each in others if each.folder for path in each.files))
    first, *more = [each.branch for each in others]
    there = await see.reader.snapshot(paths, branch=first, sha=project.sha, more=more)
    branches = {**seen, first: there.own_work(), **there.others}
    return replace(project, files={**project.files, **there.files}, others=branches)


async def _one(event: Event, project: Snapshot, environment: Environment, config: RepoConfig, see: See) -> _Outcome:
    """What is done about one environment; `project` is seen on its branch."""
    branch = project.branch
    if branch and not all(author == see.login for author in branch.authors):
        return _handed_over(environment, branch)
    wish = Wish(environment)
    try:
        found = proposed(project, await relock(project, config, wish, see), wish, asked=_key(event))
    except Refused as refusal:
        said = quiet(str(refusal))
        return _Outcome(said, (_report(project, environment, "No update could be proposed", said, "failure"),))
    except TryLater as problem:
        if isinstance(event, CommandGiven):
            raise  # who asked is answered in any case
        said = quiet(f"{problem} Bolide tries again by itself.")
        return _Outcome(said, (_report(project, environment, "Waiting", said, "neutral"),), problem.after)
    match found:
        case str():
            return _Outcome(found)
        case AskEvidence():
            anew = " Its evidence is gathered anew." if found.again else ""
            return _Outcome(f"#{found.number} proposes this lock already.{anew}", (found,))
        case ProposeChange():
            said = f"{{proposed {found.branch}}} is open; its evidence follows there."
            return _Outcome(said, (found,), title=found.title)


def _handed_over(environment: Environment, branch: BotBranch) -> _Outcome:
    """What is done about a branch with a person's commits: it is said once, on its pull request."""
    said = text.handed_over(environment.branch)
    return _Outcome(said, (Comment(branch.pull_request, "handed over", said),) if branch.pull_request else ())


def _report(project: Snapshot, environment: Environment, title: str, sentence: str, conclusion: Conclusion) -> Report:
    """What is said on the commit, for those who look there; each environment has its own check run."""
    return Report(project.sha, f"{CHECK}{environment.where}", title, sentence, conclusion)


def _together(
    event: Event, outcomes: Sequence[_Outcome], wanted: Sequence[Environment], remarks: tuple[str, ...]
) -> Plan:
    """What is done about the environments, with one comment that tells of each."""
    names = [f"{each.name}: " if len(wanted) > 1 else "" for each in wanted]
    named = tuple(zip(names, outcomes, strict=True))
    told = "\n".join((*(f"{name}{each.said}" for name, each in named), *map(quiet, remarks)))
    reason = "; ".join(f"{name}{each.title or each.said}" for name, each in named)
    actions = tuple(action for each in outcomes for action in each.actions)
    waits = [each.again_after for each in outcomes if each.again_after is not None]
    return Plan(reason, (*actions, *_comments(event, told)), again_after=min(waits, default=None))


def _key(event: Event) -> str:
    return answer.key(event) if isinstance(event, CommandGiven) else ""


def _comments(event: Event, sentence: str) -> tuple[Comment, ...]:
    if not isinstance(event, CommandGiven):
        return ()
    return (Comment(event.issue, answer.key(event), sentence),)
