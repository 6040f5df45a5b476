"""Tells what the environments install, with the dependency graph."""

from packaging.utils import canonicalize_name

from bot.core import lockfile, repoconfig
from bot.core.commands import TellInfo
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event
from bot.core.overlays import look
from bot.core.packages import Keep
from bot.core.plan import Comment, Plan
from bot.core.ports import Snapshot
from bot.core.relock import Wish, request_of
from bot.core.see import See
from bot.core.texts import answer, info
from bot.core.texts.info import Info, Installed
from bot.core.texts.markdown import bounded, harmless, quiet

NAME = "info"
LISTENS = (TellInfo,)


async def plan(event: Event, see: See) -> Plan | None:
    """One comment that tells of each environment."""
    if not isinstance(event, CommandGiven):
        return None
    said = []
    for environment, project in await look("", see, NAME):
        try:
            said.append(info.comment(await _told(environment, project, see)))
        except Refused as refusal:
            said.append(f"**{harmless(environment.lock)}**: {quiet(str(refusal))}")
    return Plan("asked for info", (Comment(event.issue, answer.key(event), bounded("\n\n".join(said))),))


async def _told(environment: Environment, project: Snapshot, see: See) -> Info:
    """What the lock holds now; the resolver, asked to keep every pin, tells who requires whom."""
    request = request_of(project, repoconfig.read(project), Wish(environment, Keep()), see)
    found = await see.resolver.resolve(request)
    locked = request.old_lock or found.lock
    direct = {name for category in request.pipfile.categories.values() for name in category}
    pins = {
        canonicalize_name(name): str(entry.get("version", "")).removeprefix("==")
        for section in lockfile.sections(locked).values()
        for name, entry in section.items()
    }
    packages = tuple(
        Installed(name, version, name in direct, found.required_by.get(name, ()))
        for name, version in sorted(pins.items(), key=lambda pin: (pin[0] not in direct, pin[0]))
    )
    sources = {source.name: source.url for source in request.pipfile.sources}
    return Info(environment.lock, request.python, sources, packages)
