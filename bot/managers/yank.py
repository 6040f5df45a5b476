"""Yanks a published release: its page says so first of all, and an issue asks for the release that replaces it."""

from bot.core import versions
from bot.core.commands import YankRelease as YankCommand
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event
from bot.core.plan import Comment, OpenIssue, Plan, YankRelease
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts import release as text
from bot.core.texts.markdown import quiet

NAME = "yank"
LISTENS = (YankCommand,)


async def plan(event: Event, see: See) -> Plan | None:
    """Mark the GitHub Release of the version and open the issue; refused where there is no such release."""
    match event:
        case CommandGiven(command=YankCommand() as command):
            return await _yanked(event, command, see)
        case _:
            return None


async def _yanked(event: CommandGiven, command: YankCommand, see: See) -> Plan:
    try:
        version = versions.normal(command.version)
        tag = versions.tag_of(version, await see.reader.tags())
        url = await see.reader.release_url(tag) if tag else None
        if tag is None or url is None:
            raise Refused(f"There is no GitHub Release of {version} to yank; see the repository's list of releases.")
    except Refused as refusal:
        return Plan(str(refusal), (Comment(event.issue, answer.key(event), quiet(str(refusal))),))
    title, body = text.after_yank(version, command.reason, url, event.issue)
    said = f"{version} is marked as yanked; {{opened}} asks for the release that replaces it."
    return Plan(
        f"yank {version}",
        (
            YankRelease(tag, text.yanked(version, command.reason)),
            OpenIssue(f"yanked {version}", title, body),
            Comment(event.issue, answer.key(event), said),
        ),
    )
