"""Previews: served beside production, by production's configuration, and never in its place."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.adapters.process_tree import ProcessTree
from bot.adapters.tarball import unpack
from bot.core.deploykeys import DeployKeys
from bot.core.errors import Refused
from bot.core.plan import CommitFiles, FileChange
from bot.core.previews import Previewed
from bot.core.stages import Stopped, Verified
from bot.pipelines import preview
from bot.pipelines.control import Supervisor
from bot.pipelines.course import Cluster
from bot.pipelines.merges import MergeRuns
from bot.pipelines.overlay import Overlay
from bot.pipelines.preview import Ground, OnlyBelow
from bot.wiring import program
from tests.managers.memory_forge import MemoryForge, MemoryRepository
from tests.pipelines.test_cluster import IMAGE, KUSTOMIZATION, OVERLAY, PATH
from tests.pipelines.test_redeploy import Town
from tests.pipelines.test_rollback import CONFIG, Village
from tests.pipelines.workshop import SERVICE, supervising

GREEDY = """\
service:
  {categories: [app], inputs: [shop], wsgi: "shop:create_app()", ready: /readyz, version: /nowhere, predict: /nowhere}
"""


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[Village]:
    async with supervising(tmp_path / "state") as running:
        there = Village(Town(tmp_path, running))
        ground = Ground(tmp_path / "previews", program.start_preview, lambda pid: ProcessTree(pid).measure())
        shop = there.town.workshop()
        there.runs = MergeRuns(
            shop, tmp_path / "runs", unpack, asyncio.Lock(), there.forge, there.register, previews=ground
        )
        yield there
        here = there.repository.value
        for number in (1, 2):
            await there.runs.close_preview(here, number, there.forge.reader(here), there.forge.writer(here))
        await there.runs.close()


async def test_a_preview_answers_beside_production(village: Village) -> None:
    here = village.repository.value
    ways = (village.forge.reader(here), village.forge.writer(here))
    production = await village.run(village.repository.head)
    assert isinstance(production, Verified)
    served = (village.town.running.state / "served.json").read_bytes()
    # Its own configuration does not count: production's decides what is served and asked.
    topic = {"shop/__init__.py": SERVICE + "# new\n", ".github/bolide.yaml": GREEDY}
    head = village.repository.push(topic, branch="topic")
    found = await village.runs.preview(here, 1, head, *ways)
    assert isinstance(found, Previewed)
    assert (found.sha, found.url != village.town.running.url) == (head, True)
    for doing in (found.preview, found.production):
        assert doing
        assert doing.seconds > 0
        assert doing.error_rate == 0
        assert doing.memory_mb
        assert doing.memory_mb > 10
        assert doing.cpu_seconds is not None
    place = village.town.root / "previews" / f"{here.id}-1"
    status = await Supervisor(place / "service").status()
    assert status.serving
    assert (status.serving.commit, status.url) == (head, found.url)
    assert await village.town.running.commit() == production.sha
    assert (village.town.running.state / "served.json").read_bytes() == served

    broken = village.repository.push({"shop/__init__.py": "import nowhere"}, branch="broken")
    stopped = await village.runs.preview(here, 2, broken, *ways)
    assert isinstance(stopped, Stopped)
    assert "No module named 'nowhere'" in stopped.failure.sentence
    assert await village.runs.close_preview(here, 1, *ways)
    assert not place.exists()
    assert not await village.runs.close_preview(here, 1, *ways)
    assert await village.town.running.commit() == production.sha


async def test_without_a_place_for_previews_or_a_service_it_is_said(village: Village) -> None:
    here = village.repository.value
    ways = (village.forge.reader(here), village.forge.writer(here))
    head = village.repository.push({".github/bolide.yaml": ""})
    with pytest.raises(Refused, match="names no service"):
        await village.runs.preview(here, 1, head, *ways)
    village.restart()
    with pytest.raises(Refused, match="No previews are made here"):
        await village.runs.preview(here, 1, head, *ways)


async def test_a_preview_in_a_cluster_can_never_write_to_production(tmp_path: Path) -> None:
    repository = MemoryRepository()
    own = PATH.replace("/prod/", "/preview/")
    repository.push({PATH: KUSTOMIZATION, own: KUSTOMIZATION, ".github/bolide.yaml": CONFIG})
    forge, value = MemoryForge(repository), repository.value
    keys = DeployKeys(IMAGE, OVERLAY, "https://d.example.org", "https://preview.example.org")
    production = Cluster(keys, forge.reader(value), forge.writer(value))
    there = preview.beside(production)
    assert (there.keys.overlay, there.keys.url) == ("manifests/app/overlays/preview", "https://preview.example.org")
    await Overlay(there).declare(f"sha256:{'1' * 64}", "Preview")
    for path in (PATH, f"{there.keys.overlay}-other/x.yaml", ".github/bolide.yaml"):
        change = CommitFiles("main", repository.head, (FileChange(path, "digest: mine"),), "Sneak in")
        with pytest.raises(Refused, match="A preview may not write"):
            await there.writer.commit(change)
    with pytest.raises(Refused, match="may not write"):
        await OnlyBelow(forge.writer(value), "").commit(change)
    files = repository.commits[repository.head].files
    assert (files[PATH], "1" * 64 in str(files[own])) == (KUSTOMIZATION, True)

    # At its end the preview shows what production shows.
    ground = Ground(tmp_path, program.start_preview, lambda pid: ProcessTree(pid).measure())
    ground.place(7, 1).mkdir()
    assert await preview.close_preview(ground, 7, 1, production)
    assert repository.commits[repository.head].files[own] == KUSTOMIZATION
    for wrong in (DeployKeys(IMAGE, OVERLAY, keys.url), DeployKeys(IMAGE, "apps/preview", keys.url, keys.preview_url)):
        with pytest.raises(Refused, match=r"deploy\.preview_url"):
            preview.beside(Cluster(wrong, production.reader, production.writer))
