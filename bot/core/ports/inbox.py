"""Deliveries on disk, and the jobs made of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook delivery as received: `id` is GitHub's delivery GUID, `body` the raw JSON bytes."""

    id: str
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Job:
    """One manager's share of one delivery, leased to one worker; `token` fences a worker that lost its lease."""

    delivery: Delivery
    manager: str
    attempts: int
    token: int
    lost: int = 0
    """How many leases ran out with nobody saying how the job ended: workers that died of it, or beside it."""


class LeaseLost(Exception):
    """The lease of this job ran out and another worker has it: this worker's outcome does not count."""


class InboxUnavailable(Exception):
    """The inbox cannot be read or written now (disk full, locked, closed); nothing was stored."""


class Inbox(Protocol):
    """Deliveries and the jobs made of them, on disk. A job's `lane` (repository and manager) runs one at a time.

    Every method raises InboxUnavailable.
    """

    async def put(self, delivery: Delivery) -> bool:
        """Committed to disk when this returns; False when the id, or a body of the same kind and content, was there."""

    async def route(self, delivery_id: str, lanes: Mapping[str, str], note: str) -> None:
        """Replace the delivery's unrouted state by one job for each manager → lane; no lanes: done with the note."""

    async def lease_delivery(self, seconds: float) -> Delivery | None:
        """The oldest delivery that is not routed yet, hidden from others for `seconds`."""

    async def lease_job(self, seconds: float) -> Job | None:
        """The oldest job that is due, whose lane has no leased job; hidden from others for `seconds`."""

    async def renew(self, job: Job, seconds: float) -> None:
        """Keep the lease. Raises LeaseLost."""

    async def finish(self, job: Job, note: str) -> None:
        """Done. Raises LeaseLost."""

    async def postpone(self, job: Job, after: float, note: str) -> None:
        """Due again after so many seconds, one attempt more. Raises LeaseLost."""

    async def park(self, job: Job, note: str) -> None:
        """Set aside until a person looks: nothing else waits for it. Raises LeaseLost."""

    async def probe(self) -> None:
        """Return when a write was committed just now."""
