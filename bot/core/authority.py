"""Who may command the bot: the same rule everywhere, asked of GitHub at the moment of execution.

It is the sender who must be allowed, by numeric id: not the author of the text, and not who has the login by now.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from bot.core import repoconfig, yamltext
from bot.core.errors import Refused
from bot.core.events import Actor
from bot.core.ports import Reader, Snapshot, Standing
from bot.core.texts import update

OWNERS, ALIASES = "OWNERS", "OWNERS_ALIASES"
PATHS = (*repoconfig.PATHS, OWNERS, ALIASES)
REFUSAL = "Commands here are for people with write access to this repository; please ask one of them."
_LOGIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})", re.ASCII)


async def refusal(actor: Actor, reader: Reader) -> str | None:
    """None where the sender may command now; else one polite sentence that mentions nobody."""
    if actor.bot:
        return REFUSAL
    # The snapshot comes first: it fails where another repository has this name by now.
    project = await reader.snapshot(PATHS, branch=update.BRANCH)
    return None if may(await reader.standing(actor), appointed(project)) else REFUSAL


def may(standing: Standing, names: frozenset[str]) -> bool:
    """Whether an account with this standing, among people appointed by these lower-case logins, may command."""
    return standing.permission in ("admin", "write") or standing.login.lower() in names


def appointed(project: Snapshot) -> frozenset[str]:
    """The lower-case logins of configured maintainers and OWNERS approvers, of the default branch.

    A file that cannot be read appoints nobody.
    """
    try:
        configured = repoconfig.read(project).maintainers
    except Refused:
        configured = ()
    aliases = _mapping(_mapping(_document(project, ALIASES)).get("aliases"))
    groups = {str(name).lower(): tuple(_names(members)) for name, members in aliases.items()}
    approvers = _approvers(_mapping(_document(project, OWNERS)))
    named = frozenset(member for name in approvers for member in groups.get(name, (name,)))
    return named | {name.lower() for name in configured}


def _approvers(owners: dict[Any, Any]) -> Iterator[str]:
    """Who approves everything: the file's own list, and that of the filter which takes every path."""
    yield from _names(owners.get("approvers"))
    yield from _names(_mapping(_mapping(owners.get("filters")).get(".*")).get("approvers"))


def _names(value: object) -> Iterator[str]:
    for name in value if isinstance(value, list) else ():
        if isinstance(name, str) and _LOGIN.fullmatch(name):
            yield name.lower()


def _document(project: Snapshot, path: str) -> object:
    """The file's content; None where there is none or it cannot be read."""
    try:
        text = project.text(path)
        return yaml.safe_load(text) if yamltext.compose(text, path) else None
    except (Refused, yaml.YAMLError, ValueError):
        return None


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
