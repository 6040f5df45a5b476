"""Takes back what was deployed, on command, and lets deployments go on after roll-backs made them wait."""

from bot.core import repoconfig
from bot.core.commands import ResumeDeployments, RollBackNow
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, Plan, ResumeRuns, RollBack, StartRun
from bot.core.see import See
from bot.core.texts import answer, update

NAME = "rollback"
LISTENS = (RollBackNow, ResumeDeployments)
PRODUCTION = "production"


async def plan(event: Event, see: See) -> Plan | None:
    """One step back in production, or a run of the default branch after deployments were resumed."""
    match event:
        case CommandGiven(command=RollBackNow() as command):
            return await _roll_back(event, command, see)
        case CommandGiven(command=ResumeDeployments()):
            head = (await see.reader.snapshot((), branch=update.BRANCH)).sha
            resume = ResumeRuns(event.issue, answer.key(event))
            return Plan("deployments go on", (resume, StartRun(head, head, None)))
        case _:
            return None


async def _roll_back(event: CommandGiven, command: RollBackNow, see: See) -> Plan:
    wanted = command.environment
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)
    keys = repoconfig.read(project).deploy
    names = (PRODUCTION, *([keys.overlay.rpartition("/")[2]] if keys else []))
    if wanted and wanted not in names:
        said = (
            f"There is no environment `{wanted}` to roll back; there is {' or '.join(f'`{name}`' for name in names)}."
        )
        return Plan(said, (Comment(event.issue, answer.key(event), said),))
    # An answer is edited in place, so its key is the command's own: of this issue, and of this comment or the title.
    back = RollBack(event.issue, answer.key(event), event.actor.login, command.reason)
    return Plan("a maintainer asked to go back", (back,))
