"""Analyses that clients wait for, and the bounds that they are kept in."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from bot.service.analyses import Analyses, Bounds, Busy

BOUNDS = Bounds(at_once=1, waiting=1, kept=3, seconds=0.2, lifetime=60)


@dataclass(slots=True)
class Bench:
    """Analyses with a clock that is set by hand; work ends when it is let."""

    now: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC)
    let: asyncio.Event = field(default_factory=asyncio.Event)
    analyses: Analyses = field(init=False)

    def __post_init__(self) -> None:
        self.analyses = Analyses(lambda: self.now, BOUNDS)

    async def work(self) -> dict[str, str]:
        await self.let.wait()
        return {"answer": "yes"}

    def submit(self) -> str:
        return self.analyses.submit("adviser", {}, self.work).id

    async def ended(self, name: str) -> None:
        for _ in range(6000):
            if (found := self.analyses.find("adviser", name)) is None or found.finished:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{name} has not ended")


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.analyses.close()


async def test_an_analysis_waits_runs_and_is_found_by_its_id_alone(bench: Bench) -> None:
    first, second = bench.submit(), bench.submit()
    await asyncio.sleep(0)
    states = [found.state for name in (first, second) if (found := bench.analyses.find("adviser", name))]
    assert states == ["running", "pending"]
    bench.let.set()
    await bench.ended(second)
    found = bench.analyses.find("adviser", first)
    assert found is not None
    assert (found.state, found.result) == ("success", {"answer": "yes"})
    assert bench.analyses.find("provenance-checker", first) is None
    assert bench.analyses.find("adviser", "adviser-1-1") is None
    # The client takes all but the last two parts for the kind.
    assert first.rsplit("-", 2)[0] == "adviser"
    assert len(first.rsplit("-", 2)[2]) == 32


async def test_more_than_fit_are_turned_away(bench: Bench) -> None:
    bench.submit()
    bench.submit()
    with pytest.raises(Busy):
        bench.submit()


async def test_one_that_takes_too_long_is_stopped(bench: Bench) -> None:
    name = bench.submit()
    await bench.ended(name)
    found = bench.analyses.find("adviser", name)
    assert found is not None
    assert (found.state, found.failure) == ("error", "The analysis took longer than 0.2 s and was stopped.")


async def test_a_failure_nobody_expected_is_logged_and_told_without_its_words(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> dict[str, str]:
        raise KeyError("hunter2")

    name = bench.analyses.submit("adviser", {}, fail).id
    with caplog.at_level(logging.ERROR):
        await bench.ended(name)
    found = bench.analyses.find("adviser", name)
    assert found is not None
    assert "hunter2" not in found.failure
    assert "analysis failed" in caplog.text


async def test_results_are_forgotten_when_they_are_old_or_too_many(bench: Bench) -> None:
    bench.let.set()
    names = []
    for _ in range(4):
        names.append(bench.submit())
        await bench.ended(names[-1])
    assert [bench.analyses.find("adviser", name) is None for name in names] == [True, False, False, False]
    bench.now += timedelta(seconds=61)
    assert all(bench.analyses.find("adviser", name) is None for name in names)
