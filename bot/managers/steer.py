"""Notes what people want ignored, on the dashboard where it survives, and says how things stand."""

from bot.core import repoconfig
from bot.core.commands import IgnorePackage, TellStatus, UnignorePackage
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, LookAgain, Plan, TrackIssue
from bot.core.ports import Snapshot
from bot.core.see import See
from bot.core.steering import Ignored, in_force, with_entry, without_package
from bot.core.texts import answer, dashboard, update
from bot.core.texts.dashboard import Dashboard
from bot.core.texts.markdown import quiet

NAME = "steer"
LANE = "update"
"""It writes the same issue as the updates do: one of them at a time."""
LISTENS = (IgnorePackage, UnignorePackage, TellStatus)


async def plan(event: Event, see: See) -> Plan | None:
    """The dashboard with another entry or one less, and another look; or what it says."""
    if not isinstance(event, CommandGiven) or not isinstance(event.command, LISTENS):
        return None
    label = dashboard.LABEL
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH, tracked=label)
    try:
        return _answered(event, project, see)
    except Refused as refusal:
        said = quiet(str(refusal))
        return Plan(said, (Comment(event.issue, answer.key(event), said),))


def _answered(event: CommandGiven, project: Snapshot, see: See) -> Plan:
    told = dashboard.parse(project.tracking.body if project.tracking else "")
    configured = repoconfig.read(project).updates.steering().ignore
    match event.command:
        case IgnorePackage() as wanted:
            entry = Ignored(wanted.package, wanted.specifier, wanted.until, wanted.reason, event.actor.login)
            if wanted.until and not in_force((entry,), see.now.date()):
                raise Refused(f"{wanted.until} has passed; give a day to come, or none.")
            return _kept(event, project, told, with_entry(told.ignored, entry), configured, _ignored(entry))
        case UnignorePackage(package):
            left = without_package(told.ignored, package)
            if left == told.ignored:
                raise Refused(_not_ignored(package, configured))
            return _kept(event, project, told, left, configured, f"Newer versions of {package} are proposed again.")
        case _:
            said = dashboard.status(told, configured)
            return Plan("told the status", (Comment(event.issue, answer.key(event), said),))


def _kept(
    event: CommandGiven,
    project: Snapshot,
    told: Dashboard,
    entries: tuple[Ignored, ...],
    configured: tuple[Ignored, ...],
    sentence: str,
) -> Plan:
    """The entries on the dashboard, and a look that makes them count."""
    if not project.issues_enabled:
        raise Refused("Issues are disabled here, so there is no dashboard; use `updates.ignore` in the configuration.")
    if dashboard.is_full(entries):
        raise Refused("The dashboard has no room for another entry; use `updates.ignore` in the configuration.")
    issue = project.tracking
    body = dashboard.render(issue.body if issue else "", Dashboard(entries, told.parts), configured)
    track = TrackIssue(issue.number if issue else None, dashboard.TITLE, dashboard.LABEL, body)
    said = quiet(f"{sentence} The dashboard says so; open pull requests follow.")
    return Plan(sentence, (track, LookAgain(answer.key(event)), Comment(event.issue, answer.key(event), said)))


def _ignored(entry: Ignored) -> str:
    versions = f"Versions `{entry.specifier}`" if entry.specifier else "Newer versions"
    until = f" until {entry.until}" if entry.until else ""
    return f"{versions} of {entry.package} are not proposed{until}."


def _not_ignored(package: str, configured: tuple[Ignored, ...]) -> str:
    if any(each.package == package for each in configured):
        return f"{package} is ignored by {repoconfig.PATH}; take it out there."
    return f"{package} is not ignored."
