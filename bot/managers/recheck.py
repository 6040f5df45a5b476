"""Gathers the evidence of an open proposal anew, on command."""

from bot.core.commands import RecheckNow, RetestNow
from bot.core.events import CommandGiven, Event
from bot.core.plan import AskEvidence, Comment, Plan
from bot.core.ports import ForgeRefused
from bot.core.see import See
from bot.core.texts import answer, release, update

NAME = "recheck"
LISTENS = (RecheckNow, RetestNow)


async def plan(event: Event, see: See) -> Plan | None:
    """The examination of the pull request that the command stands in, once more."""
    if not isinstance(event, CommandGiven) or not isinstance(event.command, LISTENS):
        return None
    key = answer.key(event)
    retest = isinstance(event.command, RetestNow)  # of what is not ours, it wants a run of the stages: `rerun`
    try:
        found = await see.reader.pull_request(event.issue)
    except ForgeRefused:
        return None if retest else Plan(update.NOT_OURS, (Comment(event.issue, key, update.NOT_OURS),))
    if found.merged and found.merged.branch == release.BRANCH:
        return None  # a release that waits for its checks
    proposal = update.parse(found.body)
    if not found.open or proposal is None:
        return None if retest else Plan(update.NOT_OURS, (Comment(event.issue, key, update.NOT_OURS),))
    asked = AskEvidence(event.issue, proposal.base_sha, found.head_sha, proposal.file, key)
    return Plan("asked again", (asked, Comment(event.issue, key, "The evidence is gathered anew; it follows above.")))
