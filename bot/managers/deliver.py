"""Images of releases, on command: an issue named “Deliver Container Image” whose text names the tag."""

from bot.core.commands import DeliverImage
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, Plan, PushImage
from bot.core.see import See
from bot.core.texts import answer, update
from bot.core.texts.image import no_tag, waiting

NAME = "deliver"
LISTENS = (DeliverImage,)


async def plan(event: Event, see: See) -> Plan | None:
    """The image of the tag that the issue names, with or without a leading v."""
    match event:
        case CommandGiven(command=DeliverImage(tag)):
            key = answer.key(event)
        case _:
            return None
    tags = await see.reader.tags()
    name = next((name for name in (tag, f"v{tag}") if name in tags), None)
    if name is None:
        return Plan(no_tag(tag), (Comment(event.issue, key, no_tag(tag)),))
    head = (await see.reader.snapshot((), branch=update.BRANCH)).sha
    commit = (await see.reader.history(head, name)).since
    told = Comment(event.issue, key, waiting(tag, commit))
    return Plan(f"the image of {name}", (told, PushImage(event.issue, key, tag, commit)))
