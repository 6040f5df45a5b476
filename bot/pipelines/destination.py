"""Where a repository's deployment is declared: in itself, or in another one that admits it."""

from bot.core import repoconfig
from bot.core.deploykeys import DeployKeys, GuestKeys, admitting
from bot.core.errors import Refused
from bot.core.events import Repository
from bot.core.ports import Document, Forge, ForgeRefused, Reader, Register, Snapshot, Writer
from bot.pipelines.course import Cluster

PURPOSE = "deploy"
BRANCH = "bolide/deploy"
"""Nothing is proposed from it: the digest is committed where the cluster's controller looks."""


async def cluster_of(
    keys: DeployKeys, repository: Repository, reader: Reader, writer: Writer, forge: Forge, register: Register
) -> Cluster:
    """The cluster that the keys of a repository name; `reader` and `writer` are the repository's own. Raises Refused.

    Another repository must admit this one now, before any work is done, and again with each reading of its overlay.
    """
    if keys.repository.lower() in ("", repository.name.lower()):
        return Cluster(keys, reader, writer)
    try:
        there = await forge.locate(keys.repository)
        cluster = Cluster(keys, forge.reader(there, PURPOSE), forge.writer(there, PURPOSE), guest=repository)
        admitted = require_admitted(cluster, await cluster.reader.snapshot((repoconfig.PATH,), branch=BRANCH))
    except ForgeRefused as problem:
        raise Refused(not_admitted(keys, repository)) from problem
    if admitted and not admitted.id and await _first(register, there, repository) != repository.id:
        raise Refused(not_admitted(keys, repository))
    return cluster


async def _first(register: Register, there: Repository, guest: Repository) -> int:
    """The number of the repository that was admitted there under this name first: names can change hands."""
    name = guest.name.lower()
    known = {name: guest.id}

    def noted(told: Document | None) -> Document:
        known.update((told or {}).get("guests", {}))
        return {"guests": known}

    await register.change("admissions", str(there.id), noted)
    return known[name]


def require_admitted(cluster: Cluster, there: Snapshot) -> GuestKeys | None:
    """By what `deployments_from` in the other repository lets this one write; None in its own. Raises Refused."""
    guest, keys = cluster.guest, cluster.keys
    if not guest:
        return None
    try:
        guests = repoconfig.parse(there.text(repoconfig.PATH)).deployments_from
    except Refused:  # its words would tell strangers what stands in the file
        guests = ()
    if admitted := admitting(guests, guest.name, guest.id, keys.overlay):
        return admitted
    raise Refused(not_admitted(keys, guest))


def not_admitted(keys: DeployKeys, guest: Repository) -> str:
    """Why nothing is declared there, the same whether the repository is unknown, closed to Bolide or to the guest."""
    return (
        f"`deploy.repository` is {keys.repository}, which takes no deployments of {guest.name} in {keys.overlay}: "
        f"install Bolide there, and add `- {{repository: {guest.name}, id: {guest.id}, below: {keys.overlay}}}` to "
        f"`deployments_from` in its {repoconfig.PATH}. A name without an `id` admits the repository that had it first."
    )
