"""Watches the package index for all repositories together: one conditional request for each package that any locks."""

import asyncio
import logging
from collections.abc import Iterable

from bot.core import inside
from bot.core.advisories import Advisories, Advisory, Checked, Unasked
from bot.core.events import Repository
from bot.core.packages import Index, IndexUnreachable, IndexUnsuitable, PackageUnknown, Project
from bot.core.ports import Inbox, InboxUnavailable, Now
from bot.core.watching import Holder, WatchList, facts, facts_when_seen

logger = logging.getLogger(__name__)

Found = list[tuple[Holder, str]]
AT_ONCE = 16


class Watch:
    """Asks the index about every locked package, again and again, and tells the repositories that it concerns."""

    def __init__(
        self,
        watch_list: WatchList,
        index: Index,
        inbox: Inbox,
        now: Now,
        *,
        seconds: float,
        advisories: Advisories | None = None,
    ) -> None:
        self._watch_list, self._index, self._inbox, self._now = watch_list, index, inbox, now
        self._seconds, self._advisories = seconds, advisories or Unasked()

    async def run(self) -> None:
        """Look until cancelled; what goes wrong is logged and tried again."""
        while True:
            try:
                await self.look()
            except InboxUnavailable as problem:
                logger.error("nothing watched", extra={"why": str(problem)})
            await asyncio.sleep(self._seconds)

    async def look(self) -> int:
        """Ask about every package once and put one delivery for each repository that it concerns; their number."""
        packages = await self._watch_list.packages()
        slots = asyncio.Semaphore(AT_ONCE)
        told = await self._advisories.about(frozenset(name for _, name in packages)) if packages else None
        known = told.advisories if isinstance(told, Checked) else ()

        async def ask(url: str, name: str) -> Found:
            async with slots:
                return await self._ask(url, name, known)

        found = await asyncio.gather(*(ask(url, name) for url, name in packages))
        return await self._tell([one for some in found for one in some])

    async def _ask(self, url: str, name: str, known: Iterable[Advisory]) -> Found:
        """The holders for whom something has happened, with what is known now."""
        try:
            project = await self._index.project(name, url, fresh=True)
        except (IndexUnreachable, IndexUnsuitable, PackageUnknown) as problem:
            logger.warning("package not watched", extra={"package": name, "why": str(problem)})
            return []
        holders = await self._watch_list.holders(url, name)
        return [(holder, told) for holder in holders if (told := self._news(project, holder, known))]

    def _news(self, project: Project, holder: Holder, known: Iterable[Advisory]) -> str:
        told = facts(project, holder, self._now(), known)
        return told if told != (holder.told or facts_when_seen(project, holder)) else ""

    async def _tell(self, found: Found) -> int:
        put = 0
        for repository, news in _by_repository(found):
            known = {f"{holder.locked.name}": told for holder, told in news}
            # First the inbox, then the note: a crash in between puts the same delivery again, which counts once.
            put += await self._inbox.put(inside.world_changed(repository, known))
            await self._watch_list.tell(news)
        return put


def _by_repository(found: Found) -> Iterable[tuple[Repository, Found]]:
    together: dict[int, Found] = {}
    for holder, told in found:
        together.setdefault(holder.repository.id, []).append((holder, told))
    return [(news[0][0].repository, news) for news in together.values()]
