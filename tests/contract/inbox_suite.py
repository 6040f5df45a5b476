"""What every inbox does, told from its door: a test class inherits it and says how to open one."""

import asyncio
from dataclasses import dataclass
from uuid import uuid4

import pytest

from bot.core.ports import Delivery, Inbox, Job, LeaseLost


@dataclass(slots=True)
class Clock:
    """Seconds that pass when told."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def letter(body: str = "", kind: str = "push") -> Delivery:
    """A delivery whose body is like no other, unless one is given."""
    return Delivery(str(uuid4()), kind, (body or f'{{"n": "{uuid4()}"}}').encode())


async def put_routed(inbox: Inbox, *lanes: str, manager: str = "update") -> None:
    """One delivery for each lane, routed to one manager."""
    for lane in lanes:
        delivery = letter()
        assert await inbox.put(delivery)
        await inbox.route(delivery.id, {manager: lane}, "routed")


async def lease(inbox: Inbox, seconds: float = 30) -> Job:
    job = await inbox.lease_job(seconds)
    assert job is not None
    return job


class InboxSuite:
    """The contract of `ports.Inbox`, for the fixtures `inbox` and `clock`."""

    async def test_a_delivery_comes_out_as_it_went_in(self, inbox: Inbox) -> None:
        delivery = Delivery(str(uuid4()), "issues", b'{"title": "\xc3\xa9\\u0000"}')
        assert await inbox.put(delivery)
        assert await inbox.lease_delivery(30) == delivery

    async def test_the_same_id_fifty_times_at_once_is_one_delivery(self, inbox: Inbox) -> None:
        delivery = letter()
        answers = await asyncio.gather(*(inbox.put(delivery) for _ in range(50)))
        assert sorted(answers) == [False] * 49 + [True]
        assert await inbox.lease_delivery(30) == delivery
        assert await inbox.lease_delivery(30) is None

    async def test_a_captured_body_under_a_fresh_id_is_no_second_delivery(self, inbox: Inbox) -> None:
        assert await inbox.put(letter('{"n": 1}'))
        assert not await inbox.put(letter('{"n": 1}'))
        assert await inbox.put(letter('{"n": 1}', kind="issues"))

    async def test_a_repetition_after_the_work_was_done_starts_nothing(self, inbox: Inbox) -> None:
        delivery = letter()
        await inbox.put(delivery)
        await inbox.route(delivery.id, {}, "nothing to do")
        assert not await inbox.put(delivery)
        assert await inbox.lease_delivery(30) is None

    async def test_deliveries_come_oldest_first_and_each_to_one_asker(self, inbox: Inbox) -> None:
        letters = [letter() for _ in range(5)]
        for one in letters:
            await inbox.put(one)
        assert [await inbox.lease_delivery(30) for _ in range(6)] == [*letters, None]

    async def test_a_delivery_that_was_not_routed_in_time_comes_again(self, inbox: Inbox, clock: Clock) -> None:
        delivery = letter()
        await inbox.put(delivery)
        await inbox.lease_delivery(30)
        clock.pass_(29)
        assert await inbox.lease_delivery(30) is None
        clock.pass_(2)
        assert await inbox.lease_delivery(30) == delivery

    async def test_routing_twice_makes_no_second_job(self, inbox: Inbox) -> None:
        delivery = letter()
        await inbox.put(delivery)
        for _ in range(2):
            await inbox.route(delivery.id, {"update": "1/update", "release": "1/release"}, "routed")
        managers = [(await lease(inbox)).manager for _ in range(2)]
        assert sorted(managers) == ["release", "update"]
        assert await inbox.lease_job(30) is None

    async def test_a_lane_does_one_job_at_a_time_and_others_go_on(self, inbox: Inbox) -> None:
        await put_routed(inbox, "1/update", "1/update", "2/update")
        first, other = await lease(inbox), await lease(inbox)
        assert await inbox.lease_job(30) is None
        await inbox.finish(first, "done")
        second = await lease(inbox)
        assert len({first.delivery.id, other.delivery.id, second.delivery.id}) == 3

    async def test_a_job_of_a_dead_worker_comes_again_and_the_dead_one_is_fenced(
        self, inbox: Inbox, clock: Clock
    ) -> None:
        await put_routed(inbox, "1/update")
        stale = await lease(inbox, 30)
        clock.pass_(31)
        fresh = await lease(inbox, 30)
        assert fresh.delivery == stale.delivery
        assert fresh.token > stale.token
        for outcome in (
            inbox.renew(stale, 30),
            inbox.finish(stale, "too late"),
            inbox.postpone(stale, 5, "too late"),
            inbox.park(stale, "too late"),
        ):
            with pytest.raises(LeaseLost):
                await outcome
        await inbox.finish(fresh, "done")

    async def test_leases_that_ran_out_are_counted_and_those_given_back_are_not(
        self, inbox: Inbox, clock: Clock
    ) -> None:
        await put_routed(inbox, "1/update")
        assert (await lease(inbox, 30)).lost == 0
        clock.pass_(31)
        job = await lease(inbox, 30)
        assert (job.lost, job.attempts) == (1, 0)
        await inbox.postpone(job, 0, "given back")
        job = await lease(inbox, 30)
        assert (job.lost, job.attempts) == (1, 1)
        clock.pass_(31)
        job = await lease(inbox, 30)
        assert (job.lost, job.attempts) == (2, 1)

    async def test_an_expired_lease_counts_as_lost_even_when_nobody_took_it(self, inbox: Inbox, clock: Clock) -> None:
        await put_routed(inbox, "1/update")
        job = await lease(inbox, 30)
        clock.pass_(31)
        with pytest.raises(LeaseLost):
            await inbox.finish(job, "too late")
        assert (await lease(inbox)).delivery == job.delivery

    async def test_a_renewed_lease_holds(self, inbox: Inbox, clock: Clock) -> None:
        await put_routed(inbox, "1/update")
        job = await lease(inbox, 30)
        clock.pass_(20)
        await inbox.renew(job, 30)
        clock.pass_(20)
        assert await inbox.lease_job(30) is None
        await inbox.finish(job, "done")

    async def test_a_postponed_job_comes_when_due_with_one_attempt_more(self, inbox: Inbox, clock: Clock) -> None:
        await put_routed(inbox, "1/update")
        job = await lease(inbox)
        assert job.attempts == 0
        await inbox.postpone(job, 60, "GitHub is down")
        clock.pass_(59)
        assert await inbox.lease_job(30) is None
        clock.pass_(2)
        assert (await lease(inbox)).attempts == 1

    async def test_a_postponed_job_does_not_hold_up_its_lane(self, inbox: Inbox) -> None:
        await put_routed(inbox, "1/update", "1/update")
        waiting = await lease(inbox)
        await inbox.postpone(waiting, 3600, "later")
        assert (await lease(inbox)).delivery != waiting.delivery

    async def test_a_parked_job_stays_away_and_holds_up_nobody(self, inbox: Inbox, clock: Clock) -> None:
        await put_routed(inbox, "1/update", "1/update")
        poison = await lease(inbox)
        await inbox.park(poison, "failed five times")
        following = await lease(inbox)
        assert following.delivery != poison.delivery
        await inbox.finish(following, "done")
        clock.pass_(10**6)
        assert await inbox.lease_job(30) is None

    async def test_a_finished_job_is_over(self, inbox: Inbox, clock: Clock) -> None:
        await put_routed(inbox, "1/update")
        job = await lease(inbox)
        await inbox.finish(job, "done")
        with pytest.raises(LeaseLost):
            await inbox.finish(job, "again")
        clock.pass_(10**6)
        assert await inbox.lease_job(30) is None

    async def test_an_inbox_that_can_be_written_says_so(self, inbox: Inbox) -> None:
        await inbox.probe()
        assert await inbox.lease_delivery(30) is None
