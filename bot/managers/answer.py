"""Answers commands that ask for words only: help, and what is no command."""

from bot.core import phrases
from bot.core.commands import Help, Unknown
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, Plan
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts.markdown import quiet

NAME = "answer"
LISTENS = (Help, Unknown)


async def plan(event: Event, see: See) -> Plan | None:
    """One comment with the commands there are."""
    match event:
        case CommandGiven(command=Help()):
            sentence = answer.commands(phrases.FORMS)
        case CommandGiven(command=Unknown() as unknown):
            sentence = quiet(str(phrases.refuse_unknown(unknown)))
        case _:
            return None
    return Plan("asked for words", (Comment(event.issue, answer.key(event), sentence),))
