"""Previews: a pull request's service beside production, when a maintainer asks, gone when it is closed."""

from bot.core.commands import PreviewNow
from bot.core.events import CommandGiven, Event, PullRequestClosed, PullRequestMerged
from bot.core.plan import ClosePreview, Comment, OpenPreview, Plan
from bot.core.ports import ForgeRefused
from bot.core.see import See
from bot.core.texts import preview as text

NAME = "preview"
LISTENS = (PreviewNow, PullRequestMerged, PullRequestClosed)


async def plan(event: Event, see: See) -> Plan | None:
    """The preview of an open pull request of this repository's own branches; its end with the pull request's."""
    match event:
        case CommandGiven(command=PreviewNow(), issue=number):
            return await _asked(number, see)
        case PullRequestMerged(number=number) | PullRequestClosed(number=number):
            return Plan("a preview ends with its pull request", (ClosePreview(number),))
        case _:
            return None


async def _asked(number: int, see: See) -> Plan:
    try:
        found = await see.reader.pull_request(number)
    except ForgeRefused:
        found = None
    if found is None or not found.open:
        return Plan(text.CLOSED, (Comment(number, text.KEY, text.refused(text.CLOSED)),))
    if found.fork:
        return Plan(text.FORK, (Comment(number, text.KEY, text.refused(text.FORK)),))
    return Plan(
        "a preview was asked for", (Comment(number, text.KEY, text.WAITING), OpenPreview(number, found.head_sha))
    )
