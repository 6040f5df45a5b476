"""A watch list in memory: small, stateful, proven by the suite that the real one passes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.schedules import Schedule
from bot.core.watching import Appointment, Holder, Locked, Watched


@dataclass(slots=True)
class MemoryWatchList:
    """`watching.WatchList`."""

    watched: dict[int, Watched] = field(default_factory=dict)
    told: dict[tuple[int, Locked], str] = field(default_factory=dict)
    kept: dict[tuple[int, str, Schedule], datetime] = field(default_factory=dict)

    async def record(self, watched: Watched) -> None:
        number, before = watched.repository.id, self.watched.get(watched.repository.id)
        self.watched[number] = watched
        gone = {each for each in before.schedules if each not in watched.schedules} if before else set()
        for purpose, schedule in gone:
            self.kept.pop((number, purpose, schedule), None)
        for purpose, schedule in watched.schedules:
            self.kept.setdefault((number, purpose, schedule), watched.seen)

    async def forget(self, repository: int) -> None:
        self.watched.pop(repository, None)
        self.told = {key: words for key, words in self.told.items() if key[0] != repository}
        self.kept = {key: moment for key, moment in self.kept.items() if key[0] != repository}

    async def packages(self) -> tuple[tuple[str, str], ...]:
        return tuple(sorted({(pin.url, pin.name) for each in self.watched.values() for pin in each.locked}))

    async def holders(self, url: str, name: str) -> tuple[Holder, ...]:
        found = [
            (each, pin) for each in self.watched.values() for pin in each.locked if (pin.url, pin.name) == (url, name)
        ]
        return tuple(
            Holder(each.repository, pin, each.cooldown_days, each.seen, self.told.get((each.repository.id, pin), ""))
            for each, pin in sorted(found, key=lambda both: both[0].repository.id)
        )

    async def tell(self, told: Iterable[tuple[Holder, str]]) -> None:
        self.told |= {(holder.repository.id, holder.locked): words for holder, words in told}

    async def appointments(self) -> tuple[Appointment, ...]:
        found = [
            Appointment(each.repository, purpose, schedule, self.kept[each.repository.id, purpose, schedule])
            for each in self.watched.values()
            for purpose, schedule in each.schedules
        ]
        return tuple(sorted(found, key=lambda each: (each.repository.id, each.purpose)))

    async def keep(self, appointment: Appointment, due: datetime) -> None:
        place = (appointment.repository.id, appointment.purpose, appointment.schedule)
        if place in self.kept:
            self.kept[place] = max(due, self.kept[place])
