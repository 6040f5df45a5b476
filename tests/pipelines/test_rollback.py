"""Going back: on command, by one step each; and after two roll-backs within an hour nothing is deployed unasked."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.adapters.tarball import unpack
from bot.core.deploykeys import DeployKeys
from bot.core.errors import Refused
from bot.core.stages import Held, RolledBack, RunResult, StageReport, Stopped, Verified
from bot.pipelines import rollback
from bot.pipelines.calm import Calm
from bot.pipelines.course import Cluster
from bot.pipelines.deployments import Chosen, Deployed, Deployments, Past
from bot.pipelines.history import History
from bot.pipelines.merges import MergeRuns
from bot.pipelines.register import FolderRegister
from tests.managers.memory_forge import MemoryForge, MemoryRepository
from tests.pipelines.test_cluster import IMAGE, OVERLAY, Place, settle
from tests.pipelines.test_redeploy import Town
from tests.pipelines.workshop import SERVICE, lock, sha, supervising

CONFIG = """\
service:
  {categories: [app], inputs: [shop], wsgi: "shop:create_app()", ready: /readyz, version: /version, predict: /predict}
"""
TIRING = SERVICE.replace(
    "return jsonify(ready=True",
    "app.seen = getattr(app, 'seen', 0) + 1; 1 / (app.seen < 5)\n        return jsonify(ok=1",
)


@dataclass
class Village:
    """A repository on a forge, the runs of its merges, and the supervisor that serves it."""

    town: Town
    repository: MemoryRepository = field(default_factory=MemoryRepository)

    def __post_init__(self) -> None:
        self.repository.push({".github/bolide.yaml": CONFIG, "Pipfile.lock": lock(), "shop/__init__.py": SERVICE})
        self.forge = MemoryForge(self.repository)
        self.restart()

    def restart(self) -> None:
        """The bot ends and starts: what it must know is on disk."""
        records = self.town.root / "runs"
        records.mkdir(exist_ok=True)
        for name in ("releases", "scratch"):
            (self.town.root / name).mkdir(exist_ok=True)
        self.register = FolderRegister(self.town.root / "register")
        shop, turn = self.town.workshop(probation=1.5), asyncio.Lock()
        self.runs = MergeRuns(shop, records, unpack, turn, self.forge, self.register, calm=Calm(storm=0))

    async def merge(self, service: str, **files: str) -> RunResult:
        commit = self.repository.push({"shop/__init__.py": service, **files})
        return await self.run(commit)

    async def run(self, commit: str) -> RunResult:
        async def report(line: StageReport) -> None: ...

        here = self.repository.value
        return await self.runs.run(here, commit, self.forge.reader(here), self.forge.writer(here), report)

    async def roll_back(self, order: str) -> RolledBack:
        here = self.repository.value
        return await self.runs.roll_back(
            here, order, "ada asked for it in #3", self.forge.reader(here), self.forge.writer(here)
        )


@pytest.fixture
async def village(tmp_path: Path) -> AsyncIterator[Village]:
    async with supervising(tmp_path / "state") as running:
        there = Village(Town(tmp_path, running))
        yield there
        await there.runs.close()


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with settle(tmp_path) as here:
        yield here


async def test_a_maintainer_goes_back_step_by_step(village: Village) -> None:
    first = await village.merge(SERVICE)
    with pytest.raises(Refused, match="nothing to roll back to"):
        await village.roll_back("answer 1")
    second = await village.merge(SERVICE + "# two\n")
    back = await village.roll_back("answer 2")
    assert (back.sha, back.taken) == (first.sha, second.sha)
    assert await village.town.running.commit() == first.sha
    village.restart()
    again = await village.roll_back("answer 2")
    assert (again, await village.town.running.commit()) == (back, first.sha)
    told = await History(village.register).run(second.sha)
    assert told is not None
    assert told["state"] == "rolled back"
    at = told["taken_back"]["at"]
    why = f"taken back at {at}: ada asked for it in #3. Commit {first.sha[:8]} serves again."
    assert told["sentence"] == f"It was verified, and {why}"

    # What was taken back does not come back with the next commit to the documentation, but with a change it does.
    docs = await village.merge(SERVICE + "# two\n", README="more")
    assert isinstance(docs, Stopped)
    assert "were rolled back; change what was wrong" in docs.failure.sentence
    third = await village.merge(SERVICE + "# three\n")
    assert isinstance(third, Verified)
    assert await village.town.running.commit() == third.sha
    assert (await village.roll_back("answer 3")).sha == first.sha


async def test_two_roll_backs_within_an_hour_make_deployments_wait(village: Village) -> None:
    good = await village.merge(SERVICE)
    here = village.repository.value
    for number in (1, 2):
        assert await village.runs.frozen(here) == ""
        bad = await village.merge(TIRING + f"# {number}\n")
        assert isinstance(bad, Stopped)
        assert bad.back == good.sha
        assert "questions after the switch failed" in bad.failure.sentence
    since = await village.runs.frozen(here)
    assert since
    village.restart()
    waiting = await village.merge(SERVICE + "# fixed\n")
    assert waiting == Held(village.repository.head, since)
    assert await village.town.running.commit() == good.sha
    await village.runs.resume(here)
    assert await village.runs.frozen(here) == ""
    assert isinstance(await village.run(village.repository.head), Verified)


async def test_without_a_supervisor_or_its_release_the_reason_is_told(village: Village) -> None:
    await village.merge(SERVICE)
    await village.merge(SERVICE + "# two\n")
    (first,) = (path for path in (village.town.root / "releases").iterdir() if "# two" not in _service(path))
    (first / "source" / "shop" / "__init__.py").write_text("damaged")
    with pytest.raises(Refused, match=r"cannot serve again: .* is not what was sealed"):
        await village.roll_back("answer 1")
    await village.town.running.ask.stop()
    with pytest.raises(Refused, match="No supervisor answers"):
        await village.roll_back("answer 2")


def _service(release: Path) -> str:
    return (release / "source" / "shop" / "__init__.py").read_text()


async def test_a_cluster_goes_back_by_a_commit(place: Place) -> None:
    deployments, value = Deployments(FolderRegister(place.root / "register")), place.repository.value
    keys = DeployKeys(IMAGE, OVERLAY, place.url)
    there = rollback.InCluster(Cluster(keys, place.forge.reader(value), place.forge.writer(value)))
    for number in (1, 2):
        await place.merge(number, {"shop/__init__.py": SERVICE + f"# {number}\n"})
        version = Deployed(sha(number), f"{IMAGE}@{place.declared()}")
        await deployments.change(7, partial(Past.verified, version=version))
    back = await rollback.roll_back(there, 7, "answer 1", deployments)
    assert (back.sha, back.taken) == (sha(1), sha(2))
    assert place.served()[0] == sha(1)
    head = place.repository.commits[place.repository.head]
    assert head.subject == f"Roll back {OVERLAY} to {place.declared()[:19]}\n\nA maintainer asked for {sha(1)}."
    with pytest.raises(Refused, match="nothing to roll back to"):
        await rollback.roll_back(there, 7, "answer 2", deployments)


async def test_an_image_that_tires_is_taken_back_by_a_commit(place: Place) -> None:
    await place.merge(1, probation=2)
    good = place.declared()
    stopped = await place.merge(2, {"shop/__init__.py": SERVICE + "# TIRES\n"}, probation=2)
    assert isinstance(stopped, Stopped)
    assert (stopped.stage, place.declared(), place.served()[0]) == ("verify", good, sha(1))


async def test_what_happened_is_read_as_it_was_written(tmp_path: Path) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    deployments = Deployments(FolderRegister(tmp_path))
    past = Past().verified(Deployed("a", "one")).verified(Deployed("b", "two")).ordered("x", Chosen("a", "one", "b"))
    past = past.after_roll_back("three", now)
    await deployments.change(7, lambda _: past)
    assert await deployments.read(7) == past
    for damaged in ("{", "[]", '{"deployed": 1}'):
        (tmp_path / "deployments" / "7.json").write_text(damaged)
        assert await deployments.read(7) == Past()
    later = past.after_roll_back("four", now + timedelta(minutes=61))
    assert later.frozen == ""
    assert later.after_roll_back("five", now + timedelta(minutes=62)).frozen == "2026-11-23T10:02:00+00:00"
    assert (past.before("b"), past.before("a"), past.under("two")) == (
        Deployed("a", "one"),
        Deployed("b", "two"),
        Deployed("a", "one"),
    )
    assert past.under("unknown") == Deployed("b", "two")
