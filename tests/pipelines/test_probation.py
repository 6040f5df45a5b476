"""What was deployed is watched: a bad version is taken back by itself, and two within an hour make it wait."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.core.stages import Stopped, Unchanged, Verified
from tests.pipelines import candidates
from tests.pipelines.test_redeploy import Town
from tests.pipelines.workshop import SERVICE, sha, supervising

LATER = "app.seen = getattr(app, 'seen', 0) + 1\n        "


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with supervising(tmp_path / "state", boot_seconds=15) as running:
        yield Town(tmp_path, running)


async def test_none_of_the_twelve_bad_candidates_stays(town: Town) -> None:
    shop, recipe = town.workshop(probation=1), candidates.recipe()
    first = await town.merge(1, candidates.good(), shop, recipe=recipe)
    assert isinstance(first, Verified), first
    found = candidates.bad()
    assert tuple(candidate.name for candidate in found) == candidates.NAMES
    for number, candidate in enumerate(found, 2):
        begun = time.monotonic()
        result = await town.merge(number, candidates.good() | dict(candidate.changes), shop, recipe=recipe)
        assert isinstance(result, Stopped), candidate.name
        assert (result.stage, candidate.said in result.failure.sentence) == (candidate.stage, True), result
        assert result.back == (sha(1) if candidate.rolled_back else "")
        assert await town.running.commit() == sha(1), candidate.name
        assert time.monotonic() - begun < 60
    again = await town.merge(20, candidates.good() | {"README.md": "More.\n"}, shop, recipe=recipe)
    assert isinstance(again, Unchanged)


async def test_a_version_that_tires_is_taken_back(town: Town) -> None:
    shop = town.workshop(probation=2)
    await town.merge(1, shop=shop)
    wrong = SERVICE.replace("bright = sum", f"{LATER}bright = (app.seen > 25) + sum")
    failing = SERVICE.replace("bright = sum", f"{LATER}assert app.seen < 25\n        bright = sum")
    dying = SERVICE.replace("bright = sum", f"{LATER}app.seen < 25 or os.kill(os.getppid(), 9)\n        bright = sum")
    told = (
        (wrong, "for the golden digit"),
        (failing, "questions after the switch failed, the last so: /predict answered 500"),
        (dying, "its server had to be started again"),
    )
    for number, (service, said) in enumerate(told, 2):
        result = await town.merge(number, {"shop/__init__.py": service}, shop)
        assert isinstance(result, Stopped)
        assert (result.stage, result.back) == ("verify", sha(1))
        assert said in result.failure.sentence
        assert result.failure.sentence.endswith(f"Commit {sha(1)[:8]} serves again.")
        assert await town.running.commit() == sha(1)
