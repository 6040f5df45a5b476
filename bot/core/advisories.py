"""Advisories in the OSV schema: records → values, whether one affects a version, the first that none affects."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

ECOSYSTEM = "PyPI"
EventKind = Literal["introduced", "fixed", "last_affected", "limit"]
_ORDERED = ("ECOSYSTEM", "SEMVER")
"""The types of ranges whose events are versions; those of git are commits."""
_KINDS: tuple[EventKind, ...] = ("introduced", "fixed", "last_affected", "limit")
_RANKS = ("PYSEC-", "GHSA-", "CVE-")
_AT_ONE_VERSION = {"fixed": 0, "last_affected": 1, "introduced": 2, "limit": 3}
"""What applies first where events name one version: doubt goes to "affected", whatever the order in the record."""


@dataclass(frozen=True, slots=True)
class RangeEvent:
    """A version at which a range begins or ends to be affected; "0" is before every version."""

    kind: EventKind
    version: str


@dataclass(frozen=True, slots=True)
class Affected:
    """The versions of one package that are affected: by ranges, each a set of events, and by explicit mention."""

    package: str
    ranges: tuple[tuple[RangeEvent, ...], ...]
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability; `aliases` are its other ids, `severity` is the database's word or empty."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: str
    link: str
    published: datetime | None
    modified: datetime | None
    withdrawn: datetime | None
    affected: tuple[Affected, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a source of advisories knows of the packages that were asked about, and up to when it knows."""

    advisories: tuple[Advisory, ...]
    source: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class NotChecked:
    """The source of advisories could not be asked: that is no word about safety. The reason is one sentence."""

    reason: str


class Advisories(Protocol):
    """A source of advisories."""

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        """Every advisory about the packages (canonical names), of any of their versions; never raises."""
        ...


class Unasked:
    """No source of advisories."""

    async def about(self, names: Collection[str]) -> NotChecked:
        """That nothing was checked."""
        return NotChecked("No source of advisories is set.")


class MalformedAdvisory(ValueError):
    """One sentence naming the record and what is wrong with it."""


def read(record: object) -> Advisory:
    """The advisory in a decoded OSV record; other ecosystems' packages are left out. Raises MalformedAdvisory."""
    if not isinstance(record, Mapping) or not isinstance(record.get("id"), str) or not record["id"]:
        raise MalformedAdvisory("An advisory has no id.")
    name = record["id"][:80]
    try:
        affected = tuple(_affected(item) for item in record.get("affected") or () if _of_ours(item))
        aliases = tuple(sorted({str(alias) for alias in record.get("aliases") or ()} - {record["id"]}))
        specific = record.get("database_specific") or {}
        text = str(record.get("summary") or record.get("details") or "").strip()
        return Advisory(
            record["id"],
            aliases,
            text.split("\n")[0][:300],
            str(specific.get("severity") or "").lower(),
            _link(record),
            _moment(record.get("published")),
            _moment(record.get("modified")),
            _moment(record.get("withdrawn")),
            affected,
        )
    except (TypeError, ValueError, AttributeError, KeyError) as problem:
        raise MalformedAdvisory(f"The advisory {name} is not in the OSV schema: {problem!r:.100}.") from problem


def _of_ours(item: Mapping[str, Any]) -> bool:
    return str(item.get("package", {}).get("ecosystem", "")).split(":")[0] == ECOSYSTEM


def _affected(item: Mapping[str, Any]) -> Affected:
    ranges = [told for told in item.get("ranges") or () if told.get("type") in _ORDERED]
    events = tuple(tuple(_events(told["events"])) for told in ranges)
    versions = tuple(sorted(str(version) for version in item.get("versions") or ()))
    return Affected(canonicalize_name(item["package"]["name"]), events, versions)


def _events(told: Iterable[Mapping[str, Any]]) -> Iterable[RangeEvent]:
    return (RangeEvent(kind, str(event[kind])) for event in told for kind in _KINDS if kind in event)


def _link(record: Mapping[str, Any]) -> str:
    """The record's page: of its advisory, else where OSV shows it."""
    told = (item for item in record.get("references") or () if item.get("type") == "ADVISORY")
    urls = (str(item.get("url", "")) for item in told)
    return next((url for url in urls if url.startswith("https://")), f"https://osv.dev/vulnerability/{record['id']}")


def _moment(told: object) -> datetime | None:
    if told is None:
        return None
    moment = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def affects(advisory: Advisory, package: str, version: str) -> bool:
    """Whether a version (canonical package name) is affected, by OSV's rules of evaluation; a withdrawn one never."""
    if advisory.withdrawn:
        return False
    return any(_is_in(affected, version) for affected in advisory.affected if affected.package == package)


def _is_in(affected: Affected, version: str) -> bool:
    parsed = _parsed(version)
    if parsed is None:
        return version in affected.versions
    listed = any(_parsed(told) == parsed for told in affected.versions)
    return listed or any(_in_range(events, parsed) for events in affected.ranges)


def _in_range(events: tuple[RangeEvent, ...], version: Version) -> bool:
    """Events in the order of their versions, below any one of the limits; an unreadable range holds nothing."""
    placed = [(_place(event), event) for event in events]
    if any(place is None for place, _ in placed):
        return False
    limits = [place for place, event in placed if event.kind == "limit"]
    if limits and not any(place is not None and version < place for place in limits):
        return False
    inside = False
    ordered = sorted(((place, _AT_ONE_VERSION[event.kind], event.kind) for place, event in placed if place is not None))
    for place, _, kind in ordered:
        match kind:
            case "introduced":
                inside = inside or version >= place
            case "fixed":
                inside = inside and version < place
            case "last_affected":
                inside = inside and version <= place
            case _:
                continue
    return inside


_FIRST, _LAST = Version("0.dev0"), Version("99999!0")


def _place(event: RangeEvent) -> Version | None:
    """The event's place in the order of versions; "0" is before all of them, a limit "*" after."""
    if event.version == "0":
        return _FIRST
    return _LAST if (event.kind, event.version) == ("limit", "*") else _parsed(event.version)


def _parsed(version: str) -> Version | None:
    try:
        return Version(version)
    except InvalidVersion:
        return None


def fixed_in(advisory: Advisory, package: str, version: str) -> str:
    """The first version after this one at which a range of the advisory ends, or empty where none is known."""
    ours = [affected for affected in advisory.affected if affected.package == package]
    told = [
        event.version for affected in ours for events in affected.ranges for event in events if event.kind == "fixed"
    ]
    current = _parsed(version)
    later = [parsed for text in told if (parsed := _parsed(text)) and (current is None or parsed > current)]
    return str(min(later)) if later else ""


def first_unaffected(
    advisories: Iterable[Advisory], package: str, current: str, candidates: Iterable[str]
) -> str | None:
    """The smallest candidate above the current version that no advisory affects; pre-releases do not count."""
    told, base = tuple(advisories), _parsed(current)
    parsed = sorted(version for text in candidates if (version := _parsed(text)) and not version.is_prerelease)
    later = (version for version in parsed if base is None or version > base)
    return next(
        (str(version) for version in later if not any(affects(one, package, str(version)) for one in told)), None
    )


def merged(advisories: Iterable[Advisory]) -> tuple[Advisory, ...]:
    """One advisory for each vulnerability: those that name one another as aliases, however they are ordered, are one.

    A version is affected where any of them says so. Withdrawn ones are left out.
    """
    newest: dict[str, Advisory] = {}
    for advisory in sorted(advisories, key=_age):
        newest[advisory.id] = advisory
    standing = {name: advisory for name, advisory in newest.items() if not advisory.withdrawn}
    groups: list[set[str]] = []
    for advisory in standing.values():
        names = {advisory.id, *advisory.aliases}
        joined = [group for group in groups if group & names]
        groups = [group for group in groups if not group & names]
        groups.append(names.union(*joined))
    found = (_one([standing[name] for name in sorted(group) if name in standing], group) for group in groups)
    return tuple(sorted(found, key=lambda advisory: advisory.id))


def _age(advisory: Advisory) -> tuple[datetime, str]:
    return advisory.modified or datetime.min.replace(tzinfo=UTC), repr(advisory)


def _one(members: list[Advisory], names: set[str]) -> Advisory:
    """The member with the best known id, with what all of them say is affected."""
    chief = min(members, key=lambda advisory: (_rank(advisory.id), advisory.id))
    severity = next((one.severity for one in (chief, *members) if one.severity), "")
    affected = tuple(dict.fromkeys(item for one in members for item in one.affected))
    return replace(chief, aliases=tuple(sorted(names - {chief.id})), severity=severity, affected=affected)


def _rank(name: str) -> int:
    return next((place for place, start in enumerate(_RANKS) if name.startswith(start)), len(_RANKS))
