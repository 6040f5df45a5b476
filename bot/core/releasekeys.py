"""The keys below `release` in the configuration: where the version stands, and when it is released."""

from dataclasses import dataclass
from typing import Annotated, cast

from bot.core import calendars, schedules
from bot.core.kinds import Choice, Text, Words
from bot.core.schedules import Schedule
from bot.core.updatekeys import CRON
from bot.core.versions import KINDS, ReleaseKind
from bot.core.yamltext import ConfigError

RELEASE = "release"
"""What a schedule of releases is for."""
_CALENDAR = Text(
    calendars.PATTERN,
    "write parts that rise, such as YYYY.MM.DD or YY.MM.MICRO; PEP 440 drops leading zeros, so none is padded.",
)


@dataclass(frozen=True, slots=True)
class ReleaseKeys:
    """How releases are made."""

    version_files: Annotated[tuple[str, ...], Words(), "the files where the version stands; none: the usual ones"] = ()
    calendar: Annotated[str, _CALENDAR, "the pattern of calendar versions"] = calendars.DEFAULT
    schedule: Annotated[str, CRON, "when a release is proposed by itself, as a cron line; default: never"] = ""
    schedule_kind: Annotated[str, Choice(KINDS), "of which kind that release is"] = "patch"

    @property
    def scheduled_kind(self) -> ReleaseKind:
        """The kind of the scheduled release."""
        return cast(ReleaseKind, self.schedule_kind)

    def when(self, zone: str) -> Schedule | None:
        """The schedule in this time zone, if there is one. Raises ConfigError for one that cannot be kept."""
        if not self.schedule:
            return None
        schedule = Schedule(self.schedule, zone)
        if problem := schedules.check(schedule):
            raise ConfigError(f"`release.schedule` in .github/bolide.yaml: {problem}")
        return schedule
