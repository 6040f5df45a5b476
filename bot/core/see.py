"""What a manager may look at while it plans: the ports that read, and the moment."""

from dataclasses import dataclass
from datetime import datetime

from bot.core.packages import Index, Resolver
from bot.core.ports import Laboratory, Reader


@dataclass(frozen=True, slots=True)
class See:
    """Reading ports for the event's repository; `login` is the bot's own, `now` is aware and in UTC."""

    reader: Reader
    index: Index
    resolver: Resolver
    laboratory: Laboratory
    login: str
    now: datetime
