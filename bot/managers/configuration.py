"""Proposes a configuration to a repository that has none; says where one is that cannot be read."""

from bot.core import onboarding, repoconfig
from bot.core.errors import Refused
from bot.core.events import Event, Pushed, RepositoryAdded
from bot.core.labels import OURS
from bot.core.plan import Action, FileChange, KeepLabels, Plan, ProposeChange, Report, Target, TrackIssue
from bot.core.ports import Snapshot
from bot.core.repoconfig import PATH
from bot.core.see import See
from bot.core.texts import configuration, dashboard
from bot.core.texts import onboarding as text
from bot.core.texts.markdown import quiet

NAME = "configuration"
CHECK = "Bolide configuration"
LISTENS = (RepositoryAdded, Pushed)


async def plan(event: Event, see: See) -> Plan | None:
    """The pull request with a configuration, once; or what is said of the one that there is."""
    start = await see.reader.snapshot(onboarding.CONFIGURED_BY, branch=onboarding.BRANCH, tracked=dashboard.LABEL)
    if start.archived:
        return Plan("The repository is archived.")
    if any(content is not None for content in start.files.values()):
        return _judged(start)
    if said := _decided(start):
        return Plan(said)
    return await _proposed(start, see)


def _judged(project: Snapshot) -> Plan:
    """What is wrong is said as a failed check and once on the tracking issue; that it is right again, there too."""
    try:
        repoconfig.read(project)
    except Refused as problem:
        sentence = str(problem)
        report = Report(project.sha, CHECK, "The configuration cannot be read", quiet(sentence), "failure")
        return Plan(sentence, (report, *_tracked(project, sentence)))
    issue = _tracked(project, "")
    right = Report(project.sha, CHECK, "The configuration is right", "Every key and value was read.", "success")
    actions: tuple[Action, ...] = (right, *issue) if issue else ()
    return Plan("The configuration is right.", actions)


def _tracked(project: Snapshot, sentence: str) -> tuple[TrackIssue, ...]:
    """The tracking issue with this sentence on the configuration; none where it says so, or is not wanted."""
    issue = project.tracking
    if not project.issues_enabled or (issue and not issue.open) or (issue is None and not sentence):
        return ()
    before = issue.body if issue else ""
    body = configuration.with_problem(before, sentence)
    if body == before:
        return ()
    return (TrackIssue(issue.number if issue else None, dashboard.TITLE, dashboard.LABEL, body),)


async def _proposed(start: Snapshot, see: See) -> Plan:
    """The pull request with a configuration that fits what is there."""
    paths = await see.reader.paths(start.sha)
    wanted = onboarding.worth_reading(paths)
    project = await see.reader.snapshot(wanted, branch=onboarding.BRANCH, sha=start.sha)
    found = onboarding.look(paths, {path: _text(project, path) for path in wanted})
    if not found.anything:
        return Plan("Nothing was found that Bolide could do here.")
    proposal = ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        onboarding.BRANCH,
        project.existing(),
        (FileChange(PATH, onboarding.configuration(found)),),
        text.MESSAGE,
        text.TITLE,
        text.body(found),
    )
    return Plan(text.TITLE, (KeepLabels(OURS), proposal))


def _decided(project: Snapshot) -> str | None:
    """Why no configuration is proposed again."""
    if project.declined:
        return "A configuration was proposed, and its pull request was closed; Bolide works without."
    if project.branch and project.branch.pull_request:
        return f"#{project.branch.pull_request} proposes a configuration."
    return None


def _text(project: Snapshot, path: str) -> str:
    """The file's text, empty where it is no text to read."""
    try:
        return project.text(path)
    except Refused:
        return ""
