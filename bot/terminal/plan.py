"""`plan`: what the bot would do now about a repository on GitHub, without doing it."""

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields

from bot.core import phrases
from bot.core.errors import Refused, TryLater
from bot.core.events import Actor, CommandGiven, Event, Pushed, Repository, RepositoryAdded
from bot.core.plan import Action, Plan
from bot.core.ports import ForgeRefused, ForgeUnavailable
from bot.core.texts import update
from bot.settings import Settings, SettingsProblem
from bot.wiring import program

EVENTS = "`push`, `installed`, a comment such as `/update`, or an issue's title such as `Kebechet update`"


def main(repository: str, text: str, environ: Mapping[str, str]) -> int:
    """Print each manager's plan; exit status 0, 1 where it could not be made, 2 where the set-up is wrong."""
    try:
        settings = Settings.from_env(environ)
        told = asyncio.run(plans(settings, repository, text))
    except SettingsProblem as problem:
        print(f"No plan was made:\n{problem}", file=sys.stderr)
        return 2
    except (Refused, TryLater, ForgeRefused, ForgeUnavailable, OSError) as problem:
        print(f"No plan was made: {problem}", file=sys.stderr)
        return 1
    for manager, plan in told.items():
        print("\n".join(lines(manager, plan)))
    return 0


async def plans(settings: Settings, name: str, text: str) -> dict[str, Plan]:
    """The plan of each manager to which the event is of concern."""
    async with program.github(settings) as forge:
        repository = (await forge.installed(name)).repository
        there = await forge.reader(repository, "plan").snapshot((), branch=update.BRANCH)
    event = event_of(repository, text, there.default_branch, there.sha)
    async with program.assemble(settings) as bolide:
        made = {each: await bolide.dispatch.plan(event, each) for each in bolide.dispatch.listeners(event)}
    return {manager: plan for manager, plan in made.items() if plan}


def event_of(repository: Repository, text: str, branch: str, sha: str) -> Event:
    """The event that the words mean; raises Refused where they mean none."""
    match text.strip().lower():
        case "push":
            return Pushed(repository, branch, sha)
        case "installed":
            return RepositoryAdded(repository)
    command = phrases.in_comment(text) if text.startswith(("/", "@")) else phrases.in_title(text)
    if command is None:
        raise Refused(f"{text[:80]!r} is no event; give {EVENTS}.")
    return CommandGiven(repository, 0, None, Actor(0, ""), command)


def lines(manager: str, plan: Plan) -> Iterator[str]:
    """The plan as people read it."""
    yield f"{manager}: {plan.reason}"
    for action in plan.actions:
        yield f"  {type(action).__name__}"
        yield from _details(action)
    if plan.again_after is not None:
        yield f"  and again after {plan.again_after:g} s"


def _details(action: Action) -> Iterator[str]:
    """The action's fields; a text of several lines as a block."""
    for each in fields(action):
        value = getattr(action, each.name)
        if isinstance(value, str) and "\n" in value:
            yield f"    {each.name}:"
            yield from (f"      {line}" for line in value.splitlines())
        elif each.name == "files":
            yield from (f"    file: {file.path} ({len(file.text.encode()):,} bytes)" for file in value)
        else:
            yield f"    {each.name}: {value}"
