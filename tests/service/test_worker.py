"""The worker at its inbox: routing, lanes, leases, every way a job can end, and a stop in the middle."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bot.core.errors import Refused, TryLater
from bot.core.ports import Delivery, InboxUnavailable, Job
from bot.service.retry import MOST_LOST
from bot.service.worker import Pace, Worker
from tests.contract.inbox_suite import letter, put_routed
from tests.contract.memory_inbox import MemoryInbox

QUICK = Pace(poll=0.02)
RENEWING = Pace(lease=0.3, poll=0.02)


@dataclass(slots=True)
class Shop:
    """A running worker, what it was told to do, and what it did."""

    inbox: MemoryInbox
    worker: Worker
    ended: list[str] = field(default_factory=list)

    def states(self) -> list[tuple[str, str]]:
        return [(task.state, task.note) for task in self.inbox.tasks]

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not done():  # noqa: ASYNC110 - the state is looked at from outside
                await asyncio.sleep(0.005)


def to_update(delivery: Delivery) -> tuple[Mapping[str, str], str]:
    """Everything goes to one manager, in a lane for each kind."""
    return {"update": f"{delivery.kind}/update"}, "routed"


@contextlib.asynccontextmanager
async def shop(
    work: Callable[[Job], Awaitable[str]],
    route: Callable[[Delivery], tuple[Mapping[str, str], str]] = to_update,
    *,
    concurrency: int = 4,
    pace: Pace = QUICK,
    given_up: list[Job] | None = None,
    clock: Callable[[], float] = time.monotonic,
    inbox: MemoryInbox | None = None,
) -> AsyncIterator[Shop]:
    inbox = inbox or MemoryInbox(clock)

    async def gave_up(job: Job) -> None:
        if given_up is not None:
            given_up.append(job)

    worker = Worker(inbox, route, work, gave_up=gave_up, concurrency=concurrency, pace=pace)
    running = asyncio.create_task(worker.run())
    yield Shop(inbox, worker)
    worker.stop()
    await running


async def done(_: Job) -> str:
    return "done"


async def test_a_delivery_becomes_a_job_and_is_done(caplog: pytest.LogCaptureFixture) -> None:
    async with shop(done) as place:
        await place.inbox.put(letter())
        place.worker.wake()
        await place.until(lambda: place.states() == [("done", "done")])


async def test_a_wake_is_heard_at_once_though_the_worker_looks_seldom() -> None:
    async with shop(done, pace=Pace(poll=600)) as place:
        await asyncio.sleep(0.05)
        await place.inbox.put(letter())
        place.worker.wake()
        await place.until(lambda: place.states() == [("done", "done")])


async def test_what_concerns_nobody_is_done_with_its_reason() -> None:
    async with shop(done, lambda _: ({}, "no manager listens")) as place:
        await place.inbox.put(letter())
        await place.until(lambda: place.inbox.letters[0].routed)
        assert place.inbox.letters[0].note == "no manager listens"
    assert place.inbox.tasks == []


async def test_a_delivery_that_cannot_be_routed_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def route(delivery: Delivery) -> tuple[Mapping[str, str], str]:
        if delivery.kind == "poison":
            raise ValueError("cannot read it")
        return to_update(delivery)

    async with shop(done, route) as place:
        await place.inbox.put(letter(kind="poison"))
        await place.inbox.put(letter())
        await place.until(lambda: place.states() == [("done", "done")])
    assert place.inbox.letters[0].note == "not routed: ValueError('cannot read it')"
    assert "routing failed" in caplog.text


async def test_each_way_to_end_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async def work(job: Job) -> str:
        match job.delivery.kind:
            case "refused":
                raise Refused("lower than the current version.")
            case "later":
                raise TryLater("the index is down", 3600)
            case "bug":
                raise KeyError("files")
        return "fine"

    async with shop(work) as place:
        for kind in ("refused", "later", "bug", "push"):
            await place.inbox.put(letter(kind=kind))
        await place.until(lambda: all(note for _, note in place.states()) and len(place.states()) == 4)
        tasks = {task.delivery.kind: task for task in place.inbox.tasks}
        assert (tasks["refused"].state, tasks["refused"].note) == ("done", "refused: lower than the current version.")
        assert (tasks["later"].state, tasks["later"].attempts) == ("open", 1)
        assert tasks["later"].due - time.monotonic() > 3500
        assert (tasks["bug"].state, tasks["bug"].note) == ("open", "KeyError: 'files'")
        assert (tasks["push"].state, tasks["push"].note) == ("done", "fine")
    assert "Traceback" in caplog.text
    assert "KeyError: 'files'" in caplog.text


async def test_a_job_that_fails_five_times_is_parked_and_others_go_on() -> None:
    tries = 0

    async def work(job: Job) -> str:
        nonlocal tries
        if job.delivery.kind == "poison":
            tries += 1
            raise ValueError("always")
        return "done"

    given_up: list[Job] = []
    async with shop(work, given_up=given_up) as place:
        await place.inbox.put(letter(kind="poison"))
        for n in range(1, 6):
            await place.until(lambda n=n: tries == n)  # type: ignore[misc]
            await place.until(lambda: place.inbox.tasks[0].leased_until == 0)
            place.inbox.tasks[0].due = 0  # as if the pause were over
        await place.until(lambda: place.inbox.tasks[0].state == "parked")
        await place.inbox.put(letter())
        await place.until(lambda: place.states()[-1] == ("done", "done"))
    assert tries == 5
    assert [job.delivery.kind for job in given_up] == ["poison"]


async def test_a_lane_runs_one_at_a_time_and_lanes_run_side_by_side() -> None:
    running: set[str] = set()
    most = 0

    async def work(job: Job) -> str:
        nonlocal most
        assert job.delivery.kind not in running
        running.add(job.delivery.kind)
        most = max(most, len(running))
        await asyncio.sleep(0.02)
        running.discard(job.delivery.kind)
        return "done"

    async with shop(work, concurrency=3) as place:
        for n in range(12):
            await place.inbox.put(letter(kind=f"lane_{n % 4}"))
        await place.until(lambda: place.states() == [("done", "done")] * 12)
    assert most == 3


async def test_a_long_job_keeps_its_lease() -> None:
    started, now, enough = 0, 0.0, asyncio.Event()

    async def work(_: Job) -> str:
        nonlocal started
        started += 1
        await enough.wait()
        return "done"

    def renewed() -> bool:
        return place.inbox.tasks[0].leased_until == now + RENEWING.lease

    async with shop(work, pace=RENEWING, clock=lambda: now) as place:
        await place.inbox.put(letter())
        await place.until(lambda: started == 1)
        while now < 3 * RENEWING.lease:
            now += RENEWING.lease / 2
            await place.until(renewed)
        enough.set()
        await place.until(lambda: place.states() == [("done", "done")])
    assert started == 1


async def test_a_worker_that_lost_its_lease_stops_and_stores_nothing() -> None:
    stopped = asyncio.Event()

    async def work(_: Job) -> str:
        try:
            await asyncio.sleep(300)
        finally:
            stopped.set()
        return "too late"

    async with shop(work, pace=RENEWING, clock=lambda: 0.0) as place:
        await place.inbox.put(letter())
        await place.until(lambda: bool(place.inbox.tasks) and place.inbox.tasks[0].token == 1)
        place.inbox.tasks[0].token += 1  # another worker took it after a pause of this process
        place.inbox.tasks[0].leased_until = 60
        await place.until(stopped.is_set)
        await asyncio.sleep(0.05)
        assert place.states() == [("open", "")]


async def test_a_job_that_takes_the_worker_down_with_it_is_parked_and_others_go_on() -> None:
    begun: list[str] = []

    async def work(job: Job) -> str:
        begun.append(job.delivery.id)
        return "done"

    given_up: list[Job] = []
    inbox = MemoryInbox(time.monotonic)
    await put_routed(inbox, "1/update", "2/update")
    inbox.tasks[0].token, inbox.tasks[1].token = MOST_LOST, MOST_LOST - 1  # so often a worker took it and died
    async with shop(work, given_up=given_up, inbox=inbox) as place:
        await place.until(lambda: all(task.state != "open" for task in inbox.tasks))
    (state, note), unlucky = place.states()
    assert (state, note.split(" while")[0]) == ("parked", f"the worker died {MOST_LOST} times")
    assert unlucky == ("done", "done")
    assert begun == [inbox.tasks[1].delivery.id]
    assert [job.delivery.id for job in given_up] == [inbox.tasks[0].delivery.id]


async def test_a_stop_lets_the_running_job_end_and_starts_no_other() -> None:
    begun: list[str] = []
    go_on = asyncio.Event()

    async def work(job: Job) -> str:
        begun.append(job.delivery.kind)
        await go_on.wait()
        return "done"

    async with shop(work, concurrency=1) as place:
        await place.inbox.put(letter(kind="one"))
        await place.inbox.put(letter(kind="two"))
        await place.until(lambda: begun == ["one"])
        place.worker.stop()
        go_on.set()
    assert sorted(place.states()) == [("done", "done"), ("open", "")]
    assert begun == ["one"]


async def test_a_stop_gives_a_job_back_that_does_not_end() -> None:
    begun = asyncio.Event()

    async def work(_: Job) -> str:
        begun.set()
        await asyncio.sleep(300)
        return "too late"

    async with shop(work, pace=Pace(lease=60, poll=0.02, grace=0.1)) as place:
        await place.inbox.put(letter())
        await begun.wait()
    task = place.inbox.tasks[0]
    assert (task.state, task.note) == ("open", "given back: the worker stopped")
    assert task.due <= time.monotonic()
    assert await place.inbox.lease_job(30) is not None


class FlakyInbox(MemoryInbox):
    """An inbox whose disk is full for the first questions."""

    failures = 3

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        if self.failures > 0:
            self.failures -= 1
            raise InboxUnavailable("the disk is full")
        return await super().lease_delivery(seconds)


async def test_an_inbox_that_fails_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    inbox = FlakyInbox(time.monotonic)
    worker = Worker(inbox, to_update, done, pace=QUICK)
    running = asyncio.create_task(worker.run())
    await inbox.put(letter())
    await Shop(inbox, worker).until(lambda: [task.state for task in inbox.tasks] == ["done"])
    worker.stop()
    await running
    assert "inbox unavailable" in caplog.text
