"""The inbox of many machines, held to the same contract as the embedded one, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.adapters.inbox import Depth
from bot.adapters.postgres_inbox import PostgresInbox, open_postgres
from bot.core.ports import InboxUnavailable, LeaseLost
from tests.contract.inbox_suite import InboxSuite, lease, letter, put_routed
from tests.contract.postgres import FOUND, DatabaseClock, Postgres, serving

pytestmark = pytest.mark.skipif(FOUND is None, reason="needs PostgreSQL (apt install postgresql)")


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with serving() as server:
        yield server


@pytest.fixture
def url(server: Postgres) -> str:
    return server.url(server.database())


class TestPostgresInbox(InboxSuite):
    @pytest.fixture
    def clock(self, url: str) -> DatabaseClock:
        return DatabaseClock(url)

    @pytest.fixture
    async def inbox(self, url: str, clock: DatabaseClock) -> AsyncIterator[PostgresInbox]:
        async with open_postgres(f"{url} options='{clock.options}'") as inbox:
            yield inbox


async def test_two_machines_share_the_work_and_never_the_job(url: str) -> None:
    async with open_postgres(url) as here, open_postgres(url) as there:
        for repository in range(10):
            await put_routed(here, *[f"{repository}/update"] * 3)
        running: set[str] = set()
        done: list[str] = []

        async def work(inbox: PostgresInbox) -> None:
            while len(done) < 30:
                job = await inbox.lease_job(30)
                if job is None:
                    await asyncio.sleep(0.01)
                    continue
                name = job.delivery.id
                assert name not in running
                running.add(name)
                await asyncio.sleep(0.005)
                running.remove(name)
                done.append(name)
                await inbox.finish(job, "done")

        await asyncio.wait_for(asyncio.gather(*(work(inbox) for inbox in (here, there, here, there))), 60)
    assert len(set(done)) == len(done) == 30


async def test_the_same_delivery_at_two_web_servers_is_one(url: str) -> None:
    async with open_postgres(url) as here, open_postgres(url) as there:
        delivery = letter()
        answers = await asyncio.gather(*(inbox.put(delivery) for inbox in (here, there) for _ in range(20)))
        assert sum(answers) == 1
        assert await here.depth() == Depth(1, 0, 0)


async def test_a_paused_worker_that_wakes_up_on_another_machine_is_fenced(url: str) -> None:
    clock = DatabaseClock(url)
    slow = f"{url} options='{clock.options}'"
    async with open_postgres(slow) as paused, open_postgres(slow) as other:
        await put_routed(paused, "1/update")
        stale = await lease(paused, 30)
        await asyncio.to_thread(clock.pass_, 31)
        fresh = await lease(other, 30)
        assert fresh.delivery == stale.delivery
        with pytest.raises(LeaseLost):
            await paused.finish(stale, "too late")
        await other.finish(fresh, "done")
        assert await other.depth() == Depth(0, 0, 0)


async def test_a_note_with_a_null_character_is_kept_without_it(url: str) -> None:
    async with open_postgres(url) as inbox:
        await put_routed(inbox, "1/update")
        await inbox.park(await lease(inbox), "a\0b")
        assert await inbox.depth() == Depth(0, 0, 1)


async def test_a_database_that_is_not_there_is_told_with_the_setting(server: Postgres) -> None:
    with pytest.raises(InboxUnavailable, match=r"does not exist; look at BOLIDE_DATABASE_URL\."):
        async with open_postgres(server.url("nowhere")):
            raise AssertionError


async def test_what_was_acknowledged_is_there_after_every_kill() -> None:
    acknowledged: set[str] = set()
    with serving() as server:
        url = server.url(server.database())
        for _ in range(6):
            async with open_postgres(url, patience=1) as inbox:
                putting = [asyncio.create_task(_put_until_gone(inbox, acknowledged)) for _ in range(4)]
                before = len(acknowledged)
                while len(acknowledged) < before + 10:  # noqa: ASYNC110 - the senders are not to be slowed by an event
                    await asyncio.sleep(0.005)
                await asyncio.to_thread(server.kill)
                await asyncio.gather(*putting)
            await asyncio.to_thread(server.start)
        async with open_postgres(url) as inbox:
            stored = set()
            while delivery := await inbox.lease_delivery(600):
                stored.add(delivery.id)
    assert acknowledged <= stored


async def _put_until_gone(inbox: PostgresInbox, acknowledged: set[str]) -> None:
    while True:
        delivery = letter()
        try:
            assert await inbox.put(delivery)
        except InboxUnavailable:
            return
        acknowledged.add(delivery.id)
