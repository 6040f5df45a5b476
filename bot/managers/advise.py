"""Advises: what speaks against today's lock, what would be better, and why one package is where it is."""

from bot.core import repoconfig
from bot.core.commands import AdviseNow, ExplainPackage
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event
from bot.core.ignored import ignored
from bot.core.overlays import look
from bot.core.packages import ResolveRequest
from bot.core.plan import Comment, Plan
from bot.core.ports import Snapshot
from bot.core.relock import Wish, request_of
from bot.core.see import See
from bot.core.texts import advice as text
from bot.core.texts import answer, dashboard
from bot.core.texts.markdown import bounded, harmless, quiet

NAME = "advise"
LISTENS = (AdviseNow, ExplainPackage)


async def plan(event: Event, see: See) -> Plan | None:
    """One comment with the advice, or with the explanation, for each environment that was asked about."""
    match event:
        case CommandGiven(command=AdviseNow(environment=name)):
            said = await _advised(name, see)
        case CommandGiven(command=ExplainPackage(package=name)):
            said = await _explained(name, see)
        case _:
            return None
    return Plan("asked for advice", (Comment(event.issue, answer.key(event), bounded("\n\n".join(said))),))


async def _advised(name: str, see: See) -> list[str]:
    """For each environment the advice, or why there is none."""
    said = []
    for environment, project in await look(name, see, NAME):
        try:
            told = await see.adviser.recommend(request(project, environment, see))
            said.append(text.comment(told, environment.lock))
        except Refused as refusal:
            said.append(f"**{harmless(environment.lock)}**: no advice. {quiet(str(refusal))}")
    return said


async def _explained(package: str, see: See) -> list[str]:
    """Why the package is where it is, in each environment that locks it."""
    said, refusals = [], []
    for environment, project in await look("", see, NAME, tracked=dashboard.LABEL):
        entries = ignored(project, repoconfig.read(project), see.now.date())
        try:
            told = await see.adviser.explain(request(project, environment, see), package, entries)
            said.append("\n".join((f"**{harmless(environment.lock)}**\n", *(f"- {harmless(line)}" for line in told))))
        except Refused as refusal:
            refusals.append(f"**{harmless(environment.lock)}**: {quiet(str(refusal))}")
    return said or refusals


def request(project: Snapshot, environment: Environment, see: See) -> ResolveRequest:
    """What the adviser is asked about the environment; raises Refused."""
    return request_of(project, repoconfig.read(project), Wish(environment), see)
