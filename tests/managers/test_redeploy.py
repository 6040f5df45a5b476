"""What a push starts, and what it does not: a digest alone is nothing to build."""

from pathlib import Path

import pytest

from bot.core import deploykeys
from bot.core.deploykeys import DeployKeys, GuestKeys
from bot.core.errors import Refused
from bot.core.repoconfig import ConfigError, parse
from bot.pipelines.course import Cluster, Stop
from bot.pipelines.destination import cluster_of
from bot.pipelines.overlay import Overlay
from bot.pipelines.register import FolderRegister
from tests.managers.memory_forge import MemoryForge, MemoryRepository
from tests.managers.world import CONFIG, World
from tests.pipelines.test_cluster import FIRST, IMAGE, KUSTOMIZATION

OVERLAY = "apps/overlays/eu"
DEPLOY = f"deploy: {{image: {IMAGE}, overlay: {OVERLAY}, url: 'https://d.example.org'"
GUESTS = "deployments_from: [{repository: Ada/Digits, below: apps}]\n"


async def push(world: World, *paths: str, forced: bool = False) -> str:
    sha = world.repository.push(dict.fromkeys(paths, f"{len(world.repository.commits)}\n"))
    commits = [{"added": [], "removed": [], "modified": list(paths)}]
    await world.deliver("push", ref="refs/heads/main", after=sha, forced=forced, commits=commits)
    return sha


async def test_a_push_that_only_sets_a_digest_starts_nothing() -> None:
    world, file = World(), f"{OVERLAY}/kustomization.yaml"
    world.repository.push({".github/bolide.yaml": f"{CONFIG}{DEPLOY}}}\n"})
    await push(world, file)
    assert world.runner.begun == []
    assert "nothing is built for that" in " ".join(world.notes)
    begun = [await push(world, file, "digits/__init__.py"), await push(world, file, forced=True)]
    assert world.runner.begun == begun


@pytest.mark.parametrize(("folder", "files"), [("eu", 1), ("preview", 1), ("eu", 2)])
async def test_a_merge_that_only_sets_a_digest_by_hand_starts_nothing_and_says_so(folder: str, files: int) -> None:
    world = World()
    world.repository.push({".github/bolide.yaml": f"{CONFIG}{DEPLOY}, preview_url: 'https://p.example.org'}}\n"})
    changes = {f"apps/overlays/{folder}/kustomization.yaml": "x\n", "digits/__init__.py": "__version__ = '2'\n"}
    world.repository.push(dict(list(changes.items())[:files]), branch="by-hand")
    pull = world.repository.open_pull("by-hand", "Serve the image of last week", "")
    sha = await world.merged(pull.number)
    assert world.runner.begun == [sha][: files - 1]
    assert ("nothing is built for that" in " ".join(world.notes)) is (files == 1)


async def test_a_repository_that_declares_for_others_builds_nothing_of_its_own() -> None:
    world = World()
    world.repository.push({".github/bolide.yaml": GUESTS})
    await push(world, "apps/x.yaml")
    await world.install()
    assert world.runner.begun == []
    await world.pushed({".github/bolide.yaml": "deploy: nonsense"})
    assert world.runner.begun == [world.repository.head]


@pytest.mark.parametrize(
    ("guest", "folder", "admitted"),
    [
        ("ada/digits", "apps", True),
        ("ADA/digits", "apps/overlays/eu", True),
        ("ada/digits", "apps-of-others", False),
        ("ada/digits", "", False),
        ("ada/digit", "apps", False),
        ("eve/digits", "apps", False),
    ],
)
def test_who_is_admitted_where(guest: str, folder: str, *, admitted: bool) -> None:
    listed = GuestKeys("Ada/Digits", "apps")
    assert deploykeys.admitting((listed,), guest, 7, folder) == (listed if admitted else None)
    assert deploykeys.admitting((), guest, 7, folder) is None


def test_a_number_counts_instead_of_the_name() -> None:
    (listed,) = parse("deployments_from: [{repository: Ada/Digits, id: 1234567890, below: apps}]\n").deployments_from
    assert deploykeys.admitting((listed,), "ada/renamed", 1234567890, "apps") == listed
    assert deploykeys.admitting((listed,), "ada/digits", 8, "apps") is None


@pytest.mark.parametrize("name", ["digits", "ada/..", "ada/.", "../digits", "ada/a/b", "https://x/y", "ada/-x$", ""])
def test_a_name_that_is_no_repository_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError, match=r"`deploy.repository` is .*; write OWNER/NAME"):
        parse(f"{DEPLOY}, repository: '{name}'}}")
    assert parse(f"{DEPLOY}, repository: ada/.github}}").deploy is not None


async def test_a_repository_that_took_over_an_admitted_name_is_not_admitted(tmp_path: Path) -> None:
    other = MemoryRepository("ops/environments", 8)
    other.push({f"{OVERLAY}/kustomization.yaml": KUSTOMIZATION, ".github/bolide.yaml": GUESTS})
    keys = DeployKeys(IMAGE, OVERLAY, "https://d.example.org", repository=other.name)

    async def asks(own: MemoryRepository) -> Cluster:
        own.push({"README.md": "x"})
        forge = MemoryForge(own, others={other.name: MemoryForge(other)})
        ways = (own.value, forge.reader(own.value), forge.writer(own.value))
        return await cluster_of(keys, *ways, forge, FolderRegister(tmp_path))

    first, taker = MemoryRepository("ada/digits", 7), MemoryRepository("Ada/digits", 9)
    for _ in range(2):
        assert (await asks(first)).guest == first.value
    with pytest.raises(Refused, match=r"add `- \{repository: Ada/digits, id: 9, .* A name without an `id` admits"):
        await asks(taker)
    other.push({".github/bolide.yaml": GUESTS.replace("below", "id: 9, below")})
    assert (await asks(taker)).guest == taker.value
    with pytest.raises(Refused, match="takes no deployments of ada/digits"):
        await asks(first)


async def test_only_the_other_repositorys_own_default_branch_admits(tmp_path: Path) -> None:
    register = FolderRegister(tmp_path)
    own, other = MemoryRepository(), MemoryRepository("ops/environments", 8)
    own.push({"README.md": "x"})
    other.push({f"{OVERLAY}/kustomization.yaml": KUSTOMIZATION})
    other.push({".github/bolide.yaml": GUESTS}, branch="live")
    forge = MemoryForge(own, others={other.name: MemoryForge(other)})
    keys = DeployKeys(IMAGE, OVERLAY, "https://d.example.org", repository=other.name, branch="live")
    ways = (own.value, forge.reader(own.value), forge.writer(own.value))

    async def cluster(keys: DeployKeys = keys) -> Cluster:
        return await cluster_of(keys, *ways, forge, register)

    for text in ("", "deployments_from: [{repository: eve/x, below: apps}]\n", "nonsense: [\n"):
        other.push({".github/bolide.yaml": text})
        with pytest.raises(Refused, match="takes no deployments of ada/digits in apps/overlays/eu") as seen:
            await cluster()
        assert "nonsense" not in str(seen.value)
    unknown = DeployKeys(IMAGE, OVERLAY, keys.url, repository="ops/secret")
    with pytest.raises(Refused, match=r"ops/secret, which takes no deployments of ada/digits .*: install Bolide there"):
        await cluster(unknown)
    other.push({".github/bolide.yaml": GUESTS})
    there = await cluster()
    assert await Overlay(there).declared() == FIRST
    await Overlay(there).declare(f"sha256:{'2' * 64}", "Deploy")
    live = other.commits[other.branches["live"]]
    assert f"sha256:{'2' * 64}" in str(live.files[f"{OVERLAY}/kustomization.yaml"])
    assert FIRST in str(other.commits[other.head].files[f"{OVERLAY}/kustomization.yaml"])

    # Taken back in between: it is asked with each writing.
    other.push({".github/bolide.yaml": ""})
    with pytest.raises(Stop, match="takes no deployments"):
        await Overlay(there).declare(FIRST, "Deploy")
    other.push({".github/bolide.yaml": GUESTS})
    del other.branches["live"]
    with pytest.raises(Stop, match=r"`deploy\.branch` is live, which ops/environments does not have"):
        await Overlay(there).declared()
    assert await cluster(DeployKeys(IMAGE, OVERLAY, keys.url, repository="Ada/Digits")) == Cluster(
        DeployKeys(IMAGE, OVERLAY, keys.url, repository="Ada/Digits"), *ways[1:]
    )
