"""The keys below `updates` in the configuration: when and how much is proposed."""

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bot.core import schedules
from bot.core.kinds import Day, Flag, Listed, Text, Whole, Words
from bot.core.schedules import Schedule
from bot.core.sections import Needed, Section
from bot.core.steering import Group, Ignored, Limits, Steering
from bot.core.yamltext import ConfigError

_FIELD = r"[0-9A-Za-z*/,#-]{1,60}"
CRON = Text(
    rf"{_FIELD}( {_FIELD}){{4}}", "write five cron fields: minute, hour, day, month, weekday, such as `0 5 * * 1`."
)
ZONE = Text(r"[A-Za-z][A-Za-z0-9_+/-]{0,59}", "write a time zone such as `Europe/Berlin`.")
_PACKAGE = Text(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", "write the name of a package, such as `flask`.")
_NAME = Text(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}", "write a short name, such as `learning`.")
_VERSIONS = Text(r"[<>=!~][<>=!~ ,.*+0-9A-Za-z-]{0,99}", "write a version specifier such as `>=5` or `==5.*`.")
_LINE = Text(r"[^\r\n]{0,200}", "write it on one line of at most 200 characters.")


@dataclass(frozen=True, slots=True)
class GroupKeys:
    """Packages that are updated together."""

    name: Annotated[str, _NAME, "what the group is called", Needed("learning")] = ""
    packages: Annotated[tuple[str, ...], Words(), "patterns of package names, such as `tensorflow*`; none: all"] = ()
    categories: Annotated[tuple[str, ...], Words(), "the Pipfile categories that it takes from; none: all"] = ()


@dataclass(frozen=True, slots=True)
class LimitKeys:
    """How many pull requests at a time; security updates do not count."""

    open: Annotated[int, Whole(0, 100), "how many may be open; 0: any number"] = 10
    per_hour: Annotated[int, Whole(0, 100), "how many may be opened within an hour; 0: any number"] = 0


@dataclass(frozen=True, slots=True)
class IgnoreKeys:
    """A package of which no newer version is proposed."""

    package: Annotated[str, _PACKAGE, "the package", Needed("protobuf")] = ""
    versions: Annotated[str, _VERSIONS, "which versions are ignored; default: all newer ones"] = ""
    until: Annotated[str, Day(), "the last day on which it holds; default: for good"] = ""
    reason: Annotated[str, _LINE, "why, as the dashboard and the pull requests say it"] = ""


@dataclass(frozen=True, slots=True)
class UpdateKeys:
    """When and how much is proposed."""

    schedule: Annotated[str, CRON, "when updates are proposed, as a cron line; default: whenever there are some"] = ""
    timezone: Annotated[str, ZONE, "the time zone of the schedule"] = "UTC"
    groups: Annotated[
        tuple[GroupKeys, ...], Listed(Section(GroupKeys)), "packages with a pull request of their own"
    ] = ()
    separate_major: Annotated[bool, Flag(), "a pull request of its own for each major update"] = False
    separate_transitive: Annotated[bool, Flag(), "one of its own for what is only required by others"] = False
    limits: Annotated[LimitKeys, Section(LimitKeys), "how many pull requests"] = field(default_factory=LimitKeys)
    ignore: Annotated[tuple[IgnoreKeys, ...], Listed(Section(IgnoreKeys)), "what is not updated"] = ()
    dashboard: Annotated[bool, Flag(), "whether the issue Dependency dashboard is kept"] = True
    bisect: Annotated[bool, Flag(), "whether a change that does not work is taken apart"] = True
    prereleases: Annotated[tuple[str, ...], Words(), "packages whose pre-releases are proposed too"] = ()

    def steering(self) -> Steering:
        """The same as rules. Raises ConfigError for what no key alone can tell."""
        return Steering(
            tuple(Group(each.name, each.packages, each.categories) for each in self.groups),
            Limits(self.limits.open, self.limits.per_hour),
            self.separate_major,
            self.separate_transitive,
            tuple(map(_ignored, self.ignore)),
            tuple(map(canonicalize_name, self.prereleases)),
        )

    def when(self) -> Schedule | None:
        """The schedule, if there is one. Raises ConfigError for one that cannot be kept."""
        if not self.schedule:
            return None
        schedule = Schedule(self.schedule, self.timezone)
        if problem := schedules.check(schedule):
            raise ConfigError(f"`updates.schedule` in .github/bolide.yaml: {problem}")
        return schedule


def _ignored(keys: IgnoreKeys) -> Ignored:
    where = f"`updates.ignore` in .github/bolide.yaml, {keys.package}"
    try:
        versions = str(SpecifierSet(keys.versions))
    except InvalidSpecifier as problem:
        raise ConfigError(f"{where}: {keys.versions!r} is not a version specifier such as `>=5`.") from problem
    try:
        until = date.fromisoformat(keys.until) if keys.until else None
    except ValueError as problem:
        raise ConfigError(f"{where}: there is no day {keys.until}.") from problem
    return Ignored(canonicalize_name(keys.package), versions, until, keys.reason)
