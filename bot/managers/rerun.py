"""Takes the default branch through its stages again, on command: with a new training, or with what there is."""

from bot.core import repoconfig
from bot.core.commands import RetestNow, RetrainNow
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, Plan, StartRun
from bot.core.ports import ForgeRefused
from bot.core.see import See
from bot.core.texts import answer, update

NAME = "rerun"
LISTENS = (RetrainNow, RetestNow)
OPEN = (
    "Nothing of this pull request runs here before it is merged, so there is nothing to test again; "
    "its other checks are GitHub's to repeat."
)
NO_TRAINING = f"{repoconfig.PATH} names no `training`, so there is no model to train anew."


async def plan(event: Event, see: See) -> Plan | None:
    """A run for the head of the default branch; what is said of it stands where the command does."""
    match event:
        case CommandGiven(command=RetrainNow()):
            return await _retrain(event, see)
        case CommandGiven(command=RetestNow()):
            return await _retest(event, see)
        case _:
            return None


async def _retrain(event: CommandGiven, see: See) -> Plan:
    project = await see.reader.snapshot(repoconfig.PATHS, branch=update.BRANCH)
    if repoconfig.read(project).training is None:
        return Plan(NO_TRAINING, (Comment(event.issue, answer.key(event), NO_TRAINING),))
    return await _run(event, see, "The model is trained anew from the default branch.", retrain=True)


async def _retest(event: CommandGiven, see: See) -> Plan | None:
    try:
        found = await see.reader.pull_request(event.issue)
    except ForgeRefused:  # an issue
        found = None
    if found and found.open:
        # An update's evidence is the work of `recheck`.
        ours = update.parse(found.body) is not None
        return None if ours else Plan(OPEN, (Comment(event.issue, answer.key(event), OPEN),))
    return await _run(event, see, "The default branch goes through its stages again.", retrain=False)


async def _run(event: CommandGiven, see: See, said: str, *, retrain: bool) -> Plan:
    head = (await see.reader.snapshot((), branch=update.BRANCH)).sha
    key = answer.key(event)
    told = Comment(event.issue, key, f"{said} The result follows in a comment of its own.")
    return Plan(said, (told, StartRun(head, head, event.issue, key, retrain)))
