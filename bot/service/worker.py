"""The worker: leases deliveries and routes them into jobs, leases jobs and does them, keeps every lease alive."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from bot.core.ports import Delivery, Inbox, InboxUnavailable, Job, LeaseLost
from bot.service.retry import Finish, Park, Postpone, despair, retry

logger = logging.getLogger(__name__)

Route = Callable[[Delivery], tuple[Mapping[str, str], str]]
"""The managers that a delivery concerns, each with its lane, and a note; no managers: nothing to do."""
Work = Callable[[Job], Awaitable[str]]
"""Does a job and returns the note about it; raises Refused (the user has been told), TryLater, or anything else."""
GaveUp = Callable[[Job], Awaitable[None]]
"""Tells whoever waits for the job that it has been set aside; raises nothing that matters to the inbox."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long a lease lasts, how often to look unbidden, how long a stopping worker waits for its jobs."""

    lease: float = 60.0
    poll: float = 0.5
    grace: float = 20.0


class Worker:
    """Runs until `stop`; `wake` makes it look at the inbox at once. At most `concurrency` jobs run at a time."""

    def __init__(
        self,
        inbox: Inbox,
        route: Route,
        work: Work,
        *,
        gave_up: GaveUp | None = None,
        concurrency: int = 4,
        pace: Pace | None = None,
    ) -> None:
        self._inbox = inbox
        self._route = route
        self._work = work
        self._gave_up = gave_up
        self._concurrency = concurrency
        self._pace = pace or Pace()
        self._woken = asyncio.Event()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Look at the inbox now: something was put there."""
        self._woken.set()

    def stop(self) -> None:
        """Lease nothing more; `run` returns when the running jobs are done or have been given back."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Work until `stop`, or until cancelled; every lease has been given back when it returns."""
        try:
            while not self._stopping:
                self._woken.clear()
                if not await self._look():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._woken.wait(), self._pace.poll)
            if self._running:
                await asyncio.wait(self._running, timeout=self._pace.grace)
        finally:
            await self._give_back()

    async def _look(self) -> bool:
        """Take what there is to take; whether there may be more."""
        try:
            # Side by side, so that one commit serves both.
            routed, started = await asyncio.gather(self._route_one(), self._start_one())
        except InboxUnavailable as problem:
            logger.error("inbox unavailable", extra={"why": str(problem)})
            return False
        return routed or started

    async def _route_one(self) -> bool:
        delivery = await self._inbox.lease_delivery(self._pace.lease)
        if delivery is None:
            return False
        try:
            lanes, note = self._route(delivery)
        except Exception as problem:
            lanes, note = {}, f"not routed: {problem!r}"
            logger.exception("routing failed", extra={"delivery": delivery.id, "event": delivery.kind})
        await self._inbox.route(delivery.id, lanes, note)
        logger.info(
            "routed", extra={"delivery": delivery.id, "event": delivery.kind, "to": sorted(lanes), "note": note}
        )
        return True

    async def _start_one(self) -> bool:
        if len(self._running) >= self._concurrency or self._stopping:
            return False
        job = await self._inbox.lease_job(self._pace.lease)
        if job is None:
            return False
        if parked := despair(job.lost):
            await self._store(job, parked)
            return True
        task = asyncio.create_task(self._carry(job), name=f"{job.manager} {job.delivery.id}")
        self._running.add(task)
        task.add_done_callback(self._done)
        return True

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            logger.error("job's outcome not stored", exc_info=task.exception(), extra={"job": task.get_name()})

    async def _carry(self, job: Job) -> None:
        """Do the job while its lease is renewed, then store the outcome; given back when cancelled."""
        work = asyncio.ensure_future(self._work(job))
        renewal = asyncio.create_task(self._renew(job, work))
        try:
            outcome = await self._outcome(job, work)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.wait([work])
            await self._store(job, Postpone(0.0, "given back: the worker stopped"))
            raise
        finally:
            renewal.cancel()
        await self._store(job, outcome)

    async def _outcome(self, job: Job, work: asyncio.Future[str]) -> Finish | Postpone | Park:
        await asyncio.wait([work])
        if work.cancelled():
            return Postpone(0.0, "interrupted")
        problem = work.exception()
        if problem is None:
            return Finish(work.result())
        outcome = retry(problem, job.attempts)
        if outcome.unexpected:
            logger.error("job failed", exc_info=problem, extra=_names(job))
        return outcome

    async def _renew(self, job: Job, work: asyncio.Future[str]) -> None:
        """Keep the lease until cancelled; the work is stopped when another worker has it."""
        while True:
            await asyncio.sleep(self._pace.lease / 3)
            try:
                await self._inbox.renew(job, self._pace.lease)
            except LeaseLost:
                work.cancel()
                return
            except InboxUnavailable as problem:
                logger.warning("lease not renewed", extra={**_names(job), "why": str(problem)})

    async def _store(self, job: Job, outcome: Finish | Postpone | Park) -> None:
        try:
            match outcome:
                case Finish(note):
                    await self._inbox.finish(job, note)
                case Postpone(after, note):
                    await self._inbox.postpone(job, after, note)
                case Park(note):
                    await self._inbox.park(job, note)
                    if self._gave_up:
                        await self._gave_up(job)
        except LeaseLost:
            logger.warning("lease lost, outcome dropped", extra=_names(job))
            return
        logger.info("job", extra={**_names(job), "outcome": type(outcome).__name__.lower(), "note": outcome.note})

    async def _give_back(self) -> None:
        left = tuple(self._running)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)


def _names(job: Job) -> dict[str, object]:
    return {
        "delivery": job.delivery.id,
        "event": job.delivery.kind,
        "manager": job.manager,
        "attempt": job.attempts + 1,
    }
