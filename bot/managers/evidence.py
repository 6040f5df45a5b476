"""Gathers evidence for a proposed lock: both locks are tried out, the pull request says what was seen."""

from bot.core import environments, interpreter, locks, relock, repoconfig
from bot.core.environments import PYTHON_VERSION, Environment
from bot.core.errors import Refused
from bot.core.events import ChangeFailed, ChangeProposed, Event
from bot.core.evidence import Evidence, broke
from bot.core.plan import EditPullRequest, Plan, Report, TakeApart
from bot.core.ports import Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts import evidence as text
from bot.core.texts import update
from bot.core.texts.markdown import quiet

NAME = "evidence"
LISTENS = (ChangeProposed,)


async def plan(event: Event, see: See) -> Plan | None:
    """The pull request's text and check run with what was seen; nothing where the proposal was overtaken."""
    if not isinstance(event, ChangeProposed):
        return None
    if not await _current(event, see):
        return Plan("the proposal was overtaken by another commit, or is closed")
    try:
        evidence = await _gather(event, see)
    except Refused as refusal:
        return await _not_checked(event, str(refusal), see)
    again = await see.reader.pull_request(event.number)
    if again.head_sha != event.head_sha:
        return Plan("the proposal was overtaken while it was examined")
    report = text.checked(event.head_sha, evidence)
    edit = EditPullRequest(event.number, text.renewed(again.body, evidence))
    apart = (TakeApart(_failed(event)),) if broke(evidence) else ()
    return Plan(report.title, (edit, report, *apart))


def _failed(event: ChangeProposed) -> ChangeFailed:
    return ChangeFailed(event.repository, event.number, event.base_sha, event.head_sha, event.lock)


async def _not_checked(event: ChangeProposed, refusal: str, see: See) -> Plan:
    proposal = await see.reader.pull_request(event.number)
    edit = EditPullRequest(event.number, text.not_checked(proposal.body, refusal))
    return Plan(refusal, (edit, Report(event.head_sha, text.CHECK, "Not checked", quiet(refusal), "neutral")))


async def _current(event: ChangeProposed, see: See) -> bool:
    proposal = await see.reader.pull_request(event.number)
    return proposal.open and proposal.head_sha == event.head_sha


async def _gather(event: ChangeProposed, see: See) -> Evidence:
    """Both locks, tried out on the files of the base commit."""
    environment = environments.of_lock(event.lock)
    paths = tuple(dict.fromkeys((*repoconfig.PATHS, *environment.files, PYTHON_VERSION)))
    base = await see.reader.snapshot(paths, branch=update.BRANCH, sha=event.base_sha)
    head = await see.reader.snapshot(paths, branch=update.BRANCH, sha=event.head_sha)
    config = repoconfig.read(base)
    _refuse_other_python(head, config, environment, see)
    before, after = (locks.installable(environment, each, see.allowed_hosts) for each in (base, head))
    recipe = config.recipe if event.lock == "Pipfile.lock" else locks.fitting(config.recipe, after)
    tarball = await see.reader.tarball(event.base_sha)
    return Evidence(*await see.laboratory.examine_pair(tarball, before, after, recipe))


def _refuse_other_python(head: Snapshot, config: RepoConfig, environment: Environment, see: See) -> None:
    """Raise Refused where the lock is for a Python that the laboratory does not have."""
    today = locks.read(environment, head, see.allowed_hosts)
    python = relock.python_of(head, config, environment, today).version
    if python and not interpreter.agree(".".join(python.split(".")[:2]), see.laboratory.python):
        own = see.laboratory.python
        raise Refused(f"{environment.lock} is for Python {python}, and locks are tried out with Python {own} here.")
