"""When something is due: a cron line in a time zone, and the moments that it names."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron line of five fields, read in the time zone of this name (IANA's)."""

    cron: str
    zone: str = "UTC"

    def __str__(self) -> str:
        return f"{self.cron} ({self.zone})"


def check(schedule: Schedule) -> str | None:
    """What is wrong with a schedule, as a sentence; None where it names moments."""
    try:
        zone = ZoneInfo(schedule.zone)
    except (ValueError, OSError, KeyError):
        return f"{schedule.zone[:60]!r} is no time zone; write one such as `Europe/Berlin`."
    form = "write five fields: minute, hour, day, month, weekday, such as `0 5 * * 1`."
    if len(schedule.cron.split()) != _FIELDS:
        return f"{schedule.cron[:60]!r} is no cron line; {form}"
    try:
        found = next(CronSim(schedule.cron, datetime(2026, 1, 1, tzinfo=zone)), None)
    except CronSimError as problem:
        return f"{schedule.cron[:60]!r} is no cron line ({str(problem).lower()}); {form}"
    return None if found else f"{schedule.cron[:60]!r} names a day that never comes."


def last_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The latest moment, in UTC, at which it was due until `now`; None where there was none in half a century."""
    # The simulation looks strictly before the moment that it starts from.
    start = now.astimezone(ZoneInfo(schedule.zone)).replace(microsecond=0) + _SECOND
    found = next(CronSim(schedule.cron, start, reverse=True), None)
    return found.astimezone(UTC) if found else None


def next_due(schedule: Schedule, now: datetime) -> datetime | None:
    """The next moment after `now`, in the schedule's own zone."""
    return next(CronSim(schedule.cron, now.astimezone(ZoneInfo(schedule.zone))), None)
