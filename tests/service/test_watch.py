"""The world changes, and time passes: who is told of it, how often, and what it costs the index."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.adapters.inbox import SqliteInbox
from bot.adapters.watchlist import SqliteWatchList
from bot.core import delivery, inside, payloads
from bot.core.events import INTERNAL, Event, Ignored, LookWanted, Repository, Scheduled, WorldChanged
from bot.core.packages import File, Project
from bot.core.ports import Delivery
from bot.core.schedules import Schedule
from bot.core.watching import Holder, Locked, Watched, facts, locked
from bot.service.clock import Clock
from bot.service.watch import Watch
from tests.contract.memory_inbox import MemoryInbox
from tests.contract.memory_watch_list import MemoryWatchList
from tests.managers.package_world import PYPI, PackageWorld
from tests.service.letters import SECRET, envelope

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADA = Repository(1, "ada/digits", 10)
THERE = {"repository": {"id": 1, "full_name": "ada/digits"}, "installation": {"id": 10}}
HASHES = frozenset({"0" * 64})


def decoded(letter: Delivery) -> tuple[Event, ...]:
    found = payloads.parse(letter.kind, json.loads(letter.body), "bolide[bot]")
    assert not isinstance(found, Ignored)
    return found


class Town:
    """Repositories that lock flask 3.0 and keras 2.0, seen at NOW; `now` moves on."""

    def __init__(self, *, repositories: int = 1) -> None:
        releases = {"flask": {"3.0": date(2026, 1, 1)}, "keras": {"2.0": date(2026, 1, 1)}}
        self.packages = PackageWorld(releases)
        self.inbox, self.watch_list = MemoryInbox(lambda: 0.0), MemoryWatchList()
        self.now, self.repositories = NOW, repositories
        self.watch = Watch(self.watch_list, self.packages, self.inbox, lambda: self.now, seconds=60)

    async def look_at_all(self) -> None:
        pins = (Locked(PYPI, "flask", "3.0", HASHES), Locked(PYPI, "keras", "2.0", HASHES))
        for number in range(1, self.repositories + 1):
            there = Repository(number, f"ada/digits-{number}", 10)
            await self.watch_list.record(Watched(there, pins, (), 7, self.now))

    def told(self) -> list[tuple[int, tuple[str, ...]]]:
        found = []
        for letter in self.inbox.letters:
            (event,) = decoded(letter.delivery)
            assert isinstance(event, WorldChanged)
            found.append((event.repository.id, event.packages))
        return found


async def test_nothing_is_told_while_nothing_happens() -> None:
    town = Town()
    await town.look_at_all()
    assert [await town.watch.look() for _ in range(3)] == [0, 0, 0]


async def test_a_release_is_told_once_and_when_it_is_old_enough() -> None:
    town = Town()
    await town.look_at_all()
    town.packages.releases["flask"]["3.1"] = date(2026, 11, 23)
    assert await town.watch.look() == 0
    town.now += timedelta(days=8)
    assert [await town.watch.look() for _ in range(3)] == [1, 0, 0]
    assert town.told() == [(1, ("flask",))]
    town.packages.releases["flask"]["3.2"] = date(2026, 11, 24)
    town.now += timedelta(days=8)
    await town.watch.look()
    assert town.told() == [(1, ("flask",))] * 2


async def test_what_was_new_when_it_was_looked_at_is_no_news() -> None:
    town = Town()
    town.packages.releases["flask"] |= {"3.1": date(2026, 10, 1), "4.0rc1": date(2026, 10, 2)}
    await town.look_at_all()
    assert await town.watch.look() == 0


async def test_yanked_exchanged_and_vanished_files_are_told() -> None:
    for change, words in (("yanked", True), ("exchanged", False)):
        town = Town()
        await town.look_at_all()
        town.packages.files["flask", "3.0"] = (
            File("flask-3.0.whl", "3.0", "0" * 64 if words else "f" * 64, 1, NOW, "", words, "wheel", PYPI, True),  # noqa: FBT003
        )
        assert [await town.watch.look() for _ in range(2)] == [1, 0], change
    town = Town()
    await town.look_at_all()
    del town.packages.releases["flask"]["3.0"]
    assert await town.watch.look() == 1


async def test_an_index_that_is_down_is_asked_again() -> None:
    town = Town()
    await town.look_at_all()
    town.packages.releases["flask"]["3.1"] = date(2026, 11, 20)
    town.now, town.packages.down = NOW + timedelta(days=8), True
    assert await town.watch.look() == 0
    town.packages.down = False
    assert await town.watch.look() == 1


async def test_the_index_is_asked_once_for_a_package_however_many_lock_it() -> None:
    town = Town(repositories=1000)
    await town.look_at_all()
    town.packages.releases["keras"]["3.0"] = date(2026, 11, 20)
    town.now += timedelta(days=8)
    assert await town.watch.look() == 1000
    assert sorted(town.packages.asked) == [("flask", PYPI), ("keras", PYPI)]


async def test_a_crash_before_the_note_tells_nobody_twice() -> None:
    town = Town()
    await town.look_at_all()
    town.packages.releases["flask"]["3.1"] = date(2026, 11, 20)
    town.now += timedelta(days=8)
    await town.watch.look()
    town.watch_list.told.clear()  # as if the process had ended between the two writes
    assert await town.watch.look() == 0
    assert len(town.told()) == 1


WEEKLY = Schedule("0 5 * * 1", "Europe/Berlin")


async def test_a_schedule_is_kept_once_also_by_two_clocks_and_after_a_restart(tmp_path: Path) -> None:
    now = NOW  # a Monday, 10:00 in Berlin
    watch_list, inbox = SqliteWatchList(tmp_path / "watch.sqlite"), SqliteInbox(tmp_path / "inbox.sqlite")
    await watch_list.record(Watched(ADA, (), (("updates", WEEKLY),), 7, now))
    clocks = [Clock(watch_list, inbox, lambda: now) for _ in range(2)]
    assert [await clock.look() for clock in clocks] == [0, 0]
    now = NOW + timedelta(days=7)
    assert [await clock.look() for clock in clocks] == [1, 0]
    letter = await inbox.lease_delivery(60)
    assert letter is not None
    assert decoded(letter) == (Scheduled(ADA, "updates"),)
    watch_list.close()
    inbox.close()
    now = NOW + timedelta(days=35)  # it was off for a month: one for all
    watch_list, inbox = SqliteWatchList(tmp_path / "watch.sqlite"), SqliteInbox(tmp_path / "inbox.sqlite")
    clocks = [Clock(watch_list, inbox, lambda: now) for _ in range(2)]
    assert [await clock.look() for clock in (*clocks, *clocks)] == [1, 0, 0, 0]
    watch_list.close()
    inbox.close()


async def test_a_clock_that_was_killed_before_its_note_counts_once() -> None:
    watch_list, inbox, now = MemoryWatchList(), MemoryInbox(lambda: 0.0), NOW + timedelta(days=7)
    await watch_list.record(Watched(ADA, (), (("updates", WEEKLY),), 7, NOW))
    (before,) = await watch_list.appointments()
    assert await Clock(watch_list, inbox, lambda: now).look() == 1
    watch_list.kept = {(1, "updates", WEEKLY): before.kept}
    assert await Clock(watch_list, inbox, lambda: now).look() == 0
    assert len(inbox.letters) == 1


@pytest.mark.parametrize("kind", sorted(INTERNAL))
def test_the_web_door_takes_no_delivery_of_bolides_own_kinds(kind: str) -> None:
    letter = inside.look_wanted(ADA, "because")
    answer = delivery.verify(SECRET.encode(), tuple(envelope(letter.body, kind).items()), letter.body)
    assert isinstance(answer, delivery.Rejected)
    assert answer.status == 400


def test_bodies_of_bolides_own_that_are_damaged_are_ignored() -> None:
    damaged: tuple[tuple[str, dict[str, object]], ...] = (
        ("bolide.scheduled", {}),
        ("bolide.world_changed", {**THERE, "packages": "flask"}),
        ("bolide.change_failed", {**THERE, "tried": [{"names": 3}]}),
    )
    for kind, body in damaged:
        assert isinstance(payloads.parse(kind, body, "bolide[bot]"), Ignored)
    assert decoded(inside.look_wanted(ADA, "because")) == (LookWanted(ADA, "because"),)


def test_what_is_locked_are_versions_from_an_index() -> None:
    entries = {"flask": {"version": "==3.0"}, "tool": {"ref": "abc"}, "odd": {"version": "==unknown"}}
    pins = locked({"_meta": {}, "default": entries}, PYPI)
    assert [(pin.url, pin.name, pin.version) for pin in pins] == [(PYPI, "flask", "3.0"), (PYPI, "odd", "unknown")]
    holder = Holder(ADA, pins[1], 7, NOW, "")
    assert facts(Project("odd", {"unknown": ()}), holder, NOW) == "gone"
