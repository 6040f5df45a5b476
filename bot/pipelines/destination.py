"""Where a repository's deployment is declared: in itself, or in another one that admits it."""

from bot.core import repoconfig
from bot.core.deploykeys import DeployKeys, admits
from bot.core.errors import Refused
from bot.core.events import Repository
from bot.core.ports import Forge, ForgeRefused, Reader, Snapshot, Writer
from bot.pipelines.course import Cluster

PURPOSE = "deploy"
BRANCH = "bolide/deploy"
"""Nothing is proposed from it: the digest is committed where the cluster's controller looks."""


async def cluster_of(keys: DeployKeys, repository: Repository, reader: Reader, writer: Writer, forge: Forge) -> Cluster:
    """The cluster that the keys of a repository name; `reader` and `writer` are the repository's own. Raises Refused.

    Another repository must admit this one now, before any work is done, and again with each reading of its overlay.
    """
    if keys.repository.lower() in ("", repository.name.lower()):
        return Cluster(keys, reader, writer)
    try:
        there = await forge.locate(keys.repository)
        cluster = Cluster(keys, forge.reader(there, PURPOSE), forge.writer(there, PURPOSE), guest=repository.name)
        require_admitted(cluster, await cluster.reader.snapshot((repoconfig.PATH,), branch=BRANCH))
    except ForgeRefused as problem:
        raise Refused(not_admitted(keys, repository.name)) from problem
    return cluster


def require_admitted(cluster: Cluster, there: Snapshot) -> None:
    """Raise Refused unless the cluster's own repository, or `deployments_from` in the other one, lets it write."""
    if not cluster.guest:
        return
    try:
        guests = repoconfig.parse(there.text(repoconfig.PATH)).deployments_from
    except Refused:  # its words would tell strangers what stands in the file
        guests = ()
    if not admits(guests, cluster.guest, cluster.keys.overlay):
        raise Refused(not_admitted(cluster.keys, cluster.guest))


def not_admitted(keys: DeployKeys, guest: str) -> str:
    """Why nothing is declared there, the same whether the repository is unknown, closed to Bolide or to the guest."""
    return (
        f"`deploy.repository` is {keys.repository}, which takes no deployments of {guest} in {keys.overlay}: install "
        f"Bolide there, and add `- {{repository: {guest}, below: {keys.overlay}}}` to `deployments_from` in its "
        f"{repoconfig.PATH}."
    )
