"""Keeps a requirements.txt that says what the Pipfile.lock beside it does; off unless the configuration names it."""

import hashlib

from bot.core import lockfile, repoconfig, upkeep
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.events import Event, Pushed, RepositoryAdded
from bot.core.overlays import look
from bot.core.plan import FileChange, Plan, ProposeChange, Target
from bot.core.ports import Snapshot
from bot.core.see import See
from bot.core.texts import requirements as text
from bot.core.texts import update

NAME = "requirements"
LISTENS = (RepositoryAdded, Pushed)


async def plan(event: Event, see: See) -> Plan | None:
    """One pull request with every requirements.txt that says something else than its lock."""
    start = await see.reader.snapshot(repoconfig.PATHS, branch=text.BRANCH)
    if not repoconfig.read(start).runs(NAME):
        return Plan("Synchronising requirements.txt is off in the configuration.")
    if start.branch and not start.branch.only_by(see.login):
        return Plan(f"A person has pushed to {text.BRANCH}.")
    files: list[FileChange] = []
    for environment, _ in await look("", see, NAME):
        if environment.kind == "pipfile":
            files += await _file(environment, start, see)
    if not files:
        return Plan("Every requirements.txt says what its lock does.")
    told = hashlib.sha256(repr(files).encode()).hexdigest()
    if settled := upkeep.settled(start, text.KIND, told):
        return Plan(settled)
    target = Target(start.node_id, start.default_branch, start.sha)
    body = text.body([file.path for file in files], told)
    labels = repoconfig.read(start).labels(NAME)
    change = ProposeChange(
        target, text.BRANCH, start.existing(), tuple(files), text.TITLE, text.TITLE, body, labels=labels
    )
    return Plan(text.TITLE, (change,))


async def _file(environment: Environment, start: Snapshot, see: See) -> list[FileChange]:
    """The requirements.txt beside the lock, where it has to change; none beside a requirements.in, which owns it."""
    folder = f"{environment.folder}/" if environment.folder else ""
    path, owner = f"{folder}requirements.txt", f"{folder}requirements.in"
    project = await see.reader.snapshot((environment.lock, path, owner), branch=update.BRANCH, sha=start.sha)
    lock = project.text(environment.lock)
    if not lock or project.files[owner] is not None:
        return []
    try:
        new = text.render(lockfile.parse(lock), environment.lock)
    except ValueError as problem:
        raise Refused(str(problem)) from problem
    return [FileChange(path, new)] if new != project.text(path) else []
