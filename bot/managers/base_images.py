"""Proposes the newest digest of base images that are named by tag and digest; off unless the configuration names it."""

from bot.core import baseimages, repoconfig, upkeep
from bot.core.errors import Refused
from bot.core.events import Event, Pushed, RepositoryAdded
from bot.core.plan import FileChange, Plan, ProposeChange, Target
from bot.core.ports import Snapshot, Unreadable
from bot.core.see import See
from bot.core.texts import base_images as text
from bot.core.texts.base_images import Moved

NAME = "base-images"
LISTENS = (RepositoryAdded, Pushed)
MOST_FILES = 50


async def plan(event: Event, see: See) -> Plan | None:
    """One pull request with every digest that its tag has left behind."""
    start = await see.reader.snapshot(repoconfig.PATHS, branch=text.BRANCH)
    config = repoconfig.read(start)
    if not config.runs(NAME):
        return Plan("Base images are off in the configuration.")
    if start.branch and not start.branch.only_by(see.login):
        return Plan(f"A person has pushed to {text.BRANCH}.")
    paths = [path for path in await see.reader.paths(start.sha) if baseimages.is_containerfile(path)][:MOST_FILES]
    project = await see.reader.snapshot(tuple(paths), branch=text.BRANCH, sha=start.sha)
    files, moved, said = await _moved(project, see)
    if not moved:
        return Plan(" ".join(said) or "Every base image has the digest of its tag.")
    told = text.proposal(moved)
    if settled := upkeep.settled(start, text.KIND, told):
        return Plan(settled)
    target = Target(start.node_id, start.default_branch, start.sha)
    title, body = text.title(moved), text.body(moved, said)
    labels = config.labels(NAME)
    change = ProposeChange(target, text.BRANCH, start.existing(), files, title, title, body, labels=labels)
    return Plan(title, (change,))


async def _moved(project: Snapshot, see: See) -> tuple[tuple[FileChange, ...], tuple[Moved, ...], list[str]]:
    """The files with other digests, what moved, and a sentence for each image that could not be asked about."""
    files: list[FileChange] = []
    moved: dict[Moved, None] = {}
    said: list[str] = []
    for path, content in project.files.items():
        before = "" if content is None or isinstance(content, Unreadable) else content
        after = before
        for base in baseimages.bases(before):
            try:
                digest = await see.registry.digest(base.image)
            except Refused as problem:
                said.append(str(problem))
                continue
            if digest != base.digest:
                after = baseimages.with_digest(after, base, digest)
                moved[Moved(f"{base.image.name}:{base.image.tag}", base.digest, digest)] = None
        if after != before:
            files.append(FileChange(path, after))
    return tuple(files), tuple(moved), list(dict.fromkeys(said))
