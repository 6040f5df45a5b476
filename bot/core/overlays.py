"""The environments of a repository where its configuration says that they are."""

from dataclasses import replace

from bot.core import environments, repoconfig
from bot.core.environments import TOP_FILES, Environment, Found
from bot.core.errors import Refused
from bot.core.ports import Reader, Snapshot
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.texts.update import BRANCH


async def find(project: Snapshot, config: RepoConfig, reader: Reader) -> Found:
    """The environments of a snapshot with a listing; another look, at its commit, where the overlays lie elsewhere."""
    listing = project.listing
    if config.overlays_dir != environments.OVERLAYS:
        elsewhere = await reader.snapshot((), branch=BRANCH, sha=project.sha, overlays=config.overlays_dir)
        listing = elsewhere.listing
    return environments.find(listing, config.overlays_dir)


async def look(name: str, see: See, manager: str, *, tracked: str = "") -> list[tuple[Environment, Snapshot]]:
    """The environment of this name, or all that the manager may look at, each with a snapshot of its files.

    They are seen with the bot's issue of the label `tracked`. Raises Refused where there is none, or where the manager
    is off.
    """
    top = (*repoconfig.PATHS, *TOP_FILES)
    project = await see.reader.snapshot(top, branch=BRANCH, overlays=environments.OVERLAYS, tracked=tracked)
    config = repoconfig.read(project)
    if not config.runs(manager):
        raise Refused("This is off in the repository's configuration.")
    found = await find(project, config, see.reader)
    if not found.environments:
        raise Refused("There is no Pipfile, no uv.lock and no requirements.in with its requirements.txt to advise on.")
    seen = []
    for environment in found.named(name):
        if not config.allows(manager, environment.name):
            continue
        paths = tuple(dict.fromkeys((*top, *environment.files)))
        if environment.folder:
            there = await see.reader.snapshot(paths, branch=BRANCH, sha=project.sha)
            seen.append((environment, replace(there, tracking=project.tracking)))
        else:
            seen.append((environment, project))
    return seen
