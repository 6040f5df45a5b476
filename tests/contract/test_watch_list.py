"""The watch list in memory and the one on disk keep the same contract."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.watchlist import SqliteWatchList
from bot.core.events import Repository
from bot.core.ports import InboxUnavailable
from bot.core.schedules import Schedule
from bot.core.watching import Locked, Watched, WatchList
from tests.contract.memory_watch_list import MemoryWatchList

PYPI = "https://pypi.org/simple"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADA, ROB = Repository(1, "ada/digits", 10), Repository(2, "rob/letters", 20)
FLASK = Locked(PYPI, "flask", "3.0", frozenset({"a" * 64, "b" * 64}))
KERAS = Locked(PYPI, "keras", "2.0", frozenset())
DAILY, WEEKLY = ("updates", Schedule("0 5 * * *")), ("updates", Schedule("0 5 * * 1", "Europe/Berlin"))


def watched(there: Repository, *locked: Locked, schedule: tuple[str, Schedule] = DAILY) -> Watched:
    return Watched(there, locked, (schedule,), 7, NOW)


@pytest.fixture(params=["memory", "disk"])
def watch_list(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WatchList]:
    if request.param == "memory":
        yield MemoryWatchList()
        return
    on_disk = SqliteWatchList(tmp_path / "watch.sqlite")
    yield on_disk
    on_disk.close()


async def test_a_package_is_listed_once_with_all_who_lock_it(watch_list: WatchList) -> None:
    await watch_list.record(watched(ADA, FLASK, KERAS))
    await watch_list.record(watched(ROB, FLASK))
    assert await watch_list.packages() == ((PYPI, "flask"), (PYPI, "keras"))
    first, second = await watch_list.holders(PYPI, "flask")
    assert (first.repository, second.repository) == (ADA, ROB)
    assert (first.locked, first.cooldown_days, first.seen, first.told) == (FLASK, 7, NOW, "")
    await watch_list.forget(ADA.id)
    assert await watch_list.packages() == ((PYPI, "flask"),)
    assert await watch_list.holders(PYPI, "keras") == ()


async def test_what_was_told_stays_with_the_pin(watch_list: WatchList) -> None:
    await watch_list.record(watched(ADA, FLASK))
    (holder,) = await watch_list.holders(PYPI, "flask")
    await watch_list.tell([(holder, "3.1")])
    await watch_list.record(watched(ADA, FLASK, KERAS))
    (holder,) = await watch_list.holders(PYPI, "flask")
    assert holder.told == "3.1"
    newer = Locked(PYPI, "flask", "3.1", frozenset())
    await watch_list.record(watched(ADA, newer))
    (holder,) = await watch_list.holders(PYPI, "flask")
    assert (holder.locked, holder.told) == (newer, "")


async def test_an_appointment_is_kept_until_it_is_another(watch_list: WatchList) -> None:
    await watch_list.record(watched(ADA, FLASK))
    (appointment,) = await watch_list.appointments()
    assert (appointment.repository, appointment.purpose, appointment.schedule) == (ADA, *DAILY)
    assert appointment.kept == NOW
    for later in (NOW + timedelta(hours=2), NOW + timedelta(hours=1)):
        await watch_list.keep(appointment, later)
    await watch_list.record(watched(ADA, KERAS))
    (appointment,) = await watch_list.appointments()
    assert appointment.kept == NOW + timedelta(hours=2)
    await watch_list.record(watched(ADA, KERAS, schedule=WEEKLY))
    (appointment,) = await watch_list.appointments()
    assert (appointment.schedule, appointment.kept) == (WEEKLY[1], NOW)


async def test_the_list_on_disk_survives_its_process(tmp_path: Path) -> None:
    first = SqliteWatchList(tmp_path / "watch.sqlite")
    await first.record(watched(ADA, FLASK))
    first.close()
    with pytest.raises(InboxUnavailable):
        await first.packages()
    again = SqliteWatchList(tmp_path / "watch.sqlite")
    assert await again.packages() == ((PYPI, "flask"),)
    again.close()
