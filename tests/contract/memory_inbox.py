"""An inbox in memory: small, stateful, proven by the suite that the real ones pass."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.core.ports import Delivery, Job, LeaseLost


@dataclass(slots=True)
class _Letter:
    delivery: Delivery
    routed: bool = False
    hidden_until: float = 0.0
    note: str = ""


@dataclass(slots=True)
class _Task:
    delivery: Delivery
    manager: str
    lane: str
    due: float
    leased_until: float = 0.0
    token: int = 0
    attempts: int = 0
    state: str = "open"
    note: str = ""


@dataclass(slots=True)
class MemoryInbox:
    """`ports.Inbox` without a disk."""

    clock: Callable[[], float]
    letters: list[_Letter] = field(default_factory=list)
    tasks: list[_Task] = field(default_factory=list)
    _seen: set[object] = field(default_factory=set)

    async def put(self, delivery: Delivery) -> bool:
        meaning = hashlib.sha256(delivery.kind.encode() + b"\0" + delivery.body).digest()
        if delivery.id in self._seen or meaning in self._seen:
            return False
        self._seen |= {delivery.id, meaning}
        self.letters.append(_Letter(delivery))
        return True

    async def route(self, delivery_id: str, lanes: Mapping[str, str], note: str) -> None:
        for letter in self.letters:
            if letter.delivery.id == delivery_id and not letter.routed:
                letter.routed, letter.note = True, note
                now = self.clock()
                self.tasks += [_Task(letter.delivery, manager, lane, now) for manager, lane in lanes.items()]

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        now = self.clock()
        for letter in self.letters:
            if not letter.routed and letter.hidden_until <= now:
                letter.hidden_until = now + seconds
                return letter.delivery
        return None

    async def lease_job(self, seconds: float) -> Job | None:
        now = self.clock()
        busy = {task.lane for task in self.tasks if task.state == "open" and task.leased_until > now}
        for task in self.tasks:
            if task.state == "open" and task.due <= now and task.lane not in busy:
                task.leased_until, task.token = now + seconds, task.token + 1
                return Job(task.delivery, task.manager, task.attempts, task.token, task.token - 1 - task.attempts)
        return None

    async def renew(self, job: Job, seconds: float) -> None:
        self._held(job).leased_until = self.clock() + seconds

    async def finish(self, job: Job, note: str) -> None:
        self._leave(job, "done", note)

    async def postpone(self, job: Job, after: float, note: str) -> None:
        task = self._leave(job, "open", note)
        task.due, task.attempts = self.clock() + after, task.attempts + 1

    async def park(self, job: Job, note: str) -> None:
        self._leave(job, "parked", note)

    async def probe(self) -> None:
        pass  # memory takes every write

    def _leave(self, job: Job, state: str, note: str) -> _Task:
        task = self._held(job)
        task.state, task.note, task.leased_until = state, note, 0.0
        return task

    def _held(self, job: Job) -> _Task:
        held = [task for task in self.tasks if task.state == "open" and task.leased_until > self.clock()]
        for task in held:
            if (task.delivery.id, task.manager, task.token) == (job.delivery.id, job.manager, job.token):
                return task
        raise LeaseLost(f"{job.manager} for delivery {job.delivery.id} is no longer this worker's.")
