"""Keeps the repositories' schedules: what is due goes into the inbox, once for each due moment, however late."""

import asyncio
import logging

from bot.core import inside
from bot.core.ports import Inbox, InboxUnavailable, Now
from bot.core.schedules import last_due
from bot.core.watching import WatchList

logger = logging.getLogger(__name__)

SECONDS = 30.0
"""How often the schedules are looked at; a cron line names minutes."""


class Clock:
    """Looks at every schedule, again and again; several may run at a time, and still each moment comes once."""

    def __init__(self, watch_list: WatchList, inbox: Inbox, now: Now, *, seconds: float = SECONDS) -> None:
        self._watch_list, self._inbox, self._now, self._seconds = watch_list, inbox, now, seconds

    async def run(self) -> None:
        """Look until cancelled; what goes wrong is logged and tried again."""
        while True:
            try:
                await self.look()
            except InboxUnavailable as problem:
                logger.error("schedules not kept", extra={"why": str(problem)})
            await asyncio.sleep(self._seconds)

    async def look(self) -> int:
        """Put what has become due since it was last kept; the number of deliveries. Moments missed come as one."""
        put = 0
        now = self._now()
        for appointment in await self._watch_list.appointments():
            due = last_due(appointment.schedule, now)
            if due is None or due <= appointment.kept:
                continue
            # First the inbox, then the note: a crash in between puts the same delivery again, which counts once.
            put += await self._inbox.put(inside.scheduled(appointment.repository, appointment.purpose, due))
            await self._watch_list.keep(appointment, due)
        return put
