"""What the inbox in SQLite does beyond the contract: restarts, several processes, a full or locked disk."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from bot.adapters.inbox import Depth, SqliteInbox
from bot.core.ports import Delivery, InboxUnavailable
from tests.contract.inbox_suite import Clock, lease, letter, put_routed


async def test_a_restart_finds_everything_where_it_was(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "state" / "inbox.sqlite"
    inbox = SqliteInbox(path, clock=clock)
    waiting = letter()
    await put_routed(inbox, "1/update", "2/update", "3/update")
    await inbox.put(waiting)
    await inbox.finish(await lease(inbox), "done")
    await inbox.park(await lease(inbox), "broken")
    inbox.close()
    inbox = SqliteInbox(path, clock=clock)
    assert await inbox.depth() == Depth(unrouted=1, open=1, parked=1)
    assert await inbox.lease_delivery(30) == waiting
    inbox.close()


async def test_two_processes_share_one_inbox_without_giving_a_job_twice(tmp_path: Path) -> None:
    one, other = SqliteInbox(tmp_path / "inbox.sqlite"), SqliteInbox(tmp_path / "inbox.sqlite")
    await put_routed(one, *(f"{n}/update" for n in range(40)))
    jobs = await asyncio.gather(*((one, other)[n % 2].lease_job(30) for n in range(60)))
    leased = [job.delivery.id for job in jobs if job is not None]
    assert len(leased) == len(set(leased)) == 40
    one.close()
    other.close()


async def test_what_is_put_at_the_same_time_is_committed_together(tmp_path: Path) -> None:
    alone, together = SqliteInbox(tmp_path / "alone"), SqliteInbox(tmp_path / "together")
    for _ in range(60):
        await alone.put(letter())
    await asyncio.gather(*(together.put(letter()) for _ in range(60)))
    written = {name: (tmp_path / f"{name}-wal").stat().st_size for name in ("alone", "together")}
    assert written["together"] * 4 < written["alone"]
    alone.close()
    together.close()


async def put_or_say(inbox: SqliteInbox, delivery: Delivery) -> str:
    try:
        return "stored" if await inbox.put(delivery) else "known"
    except InboxUnavailable as problem:
        return str(problem)


async def test_a_full_disk_is_said_and_what_was_stored_stays(tmp_path: Path) -> None:
    inbox = SqliteInbox(tmp_path / "inbox.sqlite", most_bytes=200 * 1024)
    results = [await put_or_say(inbox, letter("x" * 20_000 + str(n))) for n in range(15)]
    stored = results.count("stored")
    assert 2 < stored < 12
    assert set(results[stored:]) == {f"{tmp_path}/inbox.sqlite cannot be written: database or disk is full."}
    assert (await inbox.depth()).unrouted == stored
    inbox.close()


async def test_a_locked_file_is_said_and_works_again_when_it_is_free(tmp_path: Path) -> None:
    inbox = SqliteInbox(tmp_path / "inbox.sqlite", patience=0.05)
    other = sqlite3.connect(tmp_path / "inbox.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    delivery = letter()
    with pytest.raises(InboxUnavailable, match="locked"):
        await inbox.put(delivery)
    with pytest.raises(InboxUnavailable):
        await inbox.probe()
    other.execute("ROLLBACK")
    other.close()
    await inbox.probe()
    assert await inbox.put(delivery)
    inbox.close()


async def test_a_closed_inbox_says_so_and_a_directory_is_no_inbox(tmp_path: Path) -> None:
    inbox = SqliteInbox(tmp_path / "inbox.sqlite")
    inbox.close()
    inbox.close()
    with pytest.raises(InboxUnavailable, match="closed"):
        await inbox.put(letter())
    with pytest.raises(InboxUnavailable, match="cannot be opened"):
        SqliteInbox(tmp_path)


async def test_a_bad_request_beside_others_does_not_take_them_along(tmp_path: Path) -> None:
    inbox = SqliteInbox(tmp_path / "inbox.sqlite")
    broken = Delivery("a-b", "push\ud800", b"{}")  # a surrogate: it cannot be encoded
    results = await asyncio.gather(inbox.put(letter()), inbox.put(broken), inbox.put(letter()), return_exceptions=True)
    assert results[0] is True
    assert isinstance(results[1], UnicodeEncodeError)
    assert results[2] is True
    assert (await inbox.depth()).unrouted == 2
    inbox.close()
