"""The next version of a release, and how far two versions are apart (PEP 440)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Literal, assert_never

from packaging.version import InvalidVersion, Version

from bot.core import calendars
from bot.core.errors import Refused

ReleaseKind = Literal["calendar", "major", "minor", "patch", "pre", "build", "finalize"]
KINDS: tuple[ReleaseKind, ...] = ("calendar", "major", "minor", "patch", "pre", "build", "finalize")
_PLACES = {"major": 0, "minor": 1, "patch": 2}
_IN_FULL = "name the next version in full (X.Y.Z)"


class VersionError(Refused):
    """One sentence naming the version, why it has no next one, and what to write instead."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """A release of the version that a person named, as they wrote it."""

    version: str


Wanted = ReleaseKind | Exactly


@dataclass(frozen=True, slots=True)
class Numbering:
    """What decides the next version besides the current one: the day, the calendar's pattern, the tags there are."""

    today: date
    pattern: str = calendars.DEFAULT
    tags: Collection[str] = ()


def next_version(current: str, wanted: Wanted, numbering: Numbering) -> str:
    """The version to release, greater than the current one and not tagged. Raises VersionError where there is none."""
    version = _version(current)
    if version.local:
        raise VersionError(
            f"{current} has a local part (+{version.local}); take it out, no index takes such a version."
        )
    match wanted:
        case Exactly(text):
            found = _named(current, text)
        case "calendar":
            return _on_calendar(version, numbering)
        case "major" | "minor" | "patch":
            found = _bumped(version, wanted, numbering.pattern)
        case "pre":
            found = _before(version, numbering.pattern)
        case "build":
            found = _rebuilt(version)
        case "finalize":
            found = _final(version)
        case _:
            assert_never(wanted)
    if tag := tag_of(found, numbering.tags):
        raise VersionError(f"The tag {tag} exists already, but the files still say {current}; correct them first.")
    return found


def tag_of(version: str, tags: Collection[str]) -> str | None:
    """The tag, with or without a leading `v`, that is this very version in any spelling of it; None without one."""
    wanted = _version(version)
    return next((tag for tag in sorted(tags) if _parsed(tag) == wanted), None)


def latest_before(version: str, tags: Collection[str]) -> str | None:
    """The tag of the greatest version below; for a final version pre-releases and development ones do not count."""
    limit = _version(version)
    found = [(known, tag) for tag in sorted(tags) if (known := _parsed(tag)) is not None and known < limit]
    final = [pair for pair in found if limit.is_prerelease or not pair[0].is_prerelease]
    return max(final, key=lambda pair: pair[0])[1] if final else None


def is_major_update(old: str, new: str) -> bool:
    """Whether the update may break on purpose: a higher epoch or first number, or second number while that is 0."""
    before, after = _version(old), _version(new)
    if after <= before:
        return False
    significant = 2 if before.major == 0 and after.major == 0 else 1
    return (before.epoch, _leading(before, significant)) != (after.epoch, _leading(after, significant))


def normal(version: str) -> str:
    """The version in PEP 440's normal form."""
    return str(_version(version))


def is_prerelease(version: str) -> bool:
    """Whether it is an alpha, beta, candidate or development version."""
    return _version(version).is_prerelease


def _named(current: str, text: str) -> str:
    """The version that a person named, in its normal form."""
    wanted = _version(text)
    if wanted.local:
        raise VersionError(f"{text} has a local part (+{wanted.local}); no index takes such a version, name another.")
    if wanted <= _version(current):
        remedy = f", or a higher epoch such as {_version(current).epoch + 1}!{wanted}" if wanted.major else ""
        raise VersionError(f"{text} is not above {current}, which the files say; name a greater one{remedy}.")
    return str(wanted)


def _on_calendar(version: Version, numbering: Numbering) -> str:
    """Today's version by the pattern; one more number, or a higher last one, while that is taken."""
    taken = {known for tag in numbering.tags if (known := _parsed(tag)) is not None} | {version}
    for text in calendars.versions(numbering.pattern, numbering.today):
        found = Version(f"{version.epoch}!{text}")
        if found not in taken and found > version:
            return str(found)
        if found < version and not calendars.is_of(version.release, numbering.pattern):
            break
    today = next(calendars.versions(numbering.pattern, numbering.today))
    raise VersionError(
        f"{today}, today's version by the pattern {numbering.pattern}, is not above {version}, which the files say; "
        f"name a version in full, with a higher epoch such as {version.epoch + 1}!{today}."
    )


def _bumped(version: Version, kind: Literal["major", "minor", "patch"], pattern: str) -> str:
    """A pre-release's or development version's next release is the one it leads to, where that is of the kind."""
    _refuse_calendar(version, kind, pattern)
    numbers, place = _three(version), _PLACES[kind]
    if not (version.is_prerelease and not any(numbers[place + 1 :])):
        numbers = [*numbers[:place], numbers[place] + 1, *([0] * (2 - place))]
    return _written(version.epoch, numbers)


def _before(version: Version, pattern: str) -> str:
    """The next alpha, beta or candidate; after a final version the first candidate of the next patch."""
    if version.pre and not version.is_postrelease:
        letter, number = version.pre
        following = number if version.is_devrelease else number + 1
        return f"{_written(version.epoch, list(version.release))}{letter}{following}"
    _refuse_calendar(version, "pre", pattern)
    leads = version.is_prerelease
    return f"{_bumped(version, 'patch', pattern)}rc1" if not leads else f"{_written(version.epoch, _three(version))}rc1"


def _rebuilt(version: Version) -> str:
    """The same release built again: PEP 440 calls it a post-release."""
    if version.is_prerelease:
        raise VersionError(f"{version} is no final version, so it has no build after it; ask for a pre-release.")
    number = 1 if version.post is None else version.post + 1
    return f"{_written(version.epoch, list(version.release))}.post{number}"


def _final(version: Version) -> str:
    if not version.is_prerelease or version.is_postrelease:
        raise VersionError(f"{version} is final already; ask for a major, minor, patch or calendar release.")
    return _written(version.epoch, list(version.release))


def _refuse_calendar(version: Version, kind: str, pattern: str) -> None:
    if calendars.is_of(version.release, pattern):
        raise VersionError(
            f"{version} is a calendar version, whose numbers are a day and promise nothing about compatibility, so "
            f"there is no {kind} release of it; ask for a calendar release, or name a version with a higher epoch, "
            f"such as {version.epoch + 1}!1.0.0."
        )


def _three(version: Version) -> list[int]:
    if len(version.release) > 3:
        raise VersionError(f"{version} has more than three numbers; {_IN_FULL}.")
    return [*version.release, 0, 0][:3]


def _written(epoch: int, numbers: list[int]) -> str:
    return f"{f'{epoch}!' if epoch else ''}{'.'.join(map(str, numbers))}"


def _leading(version: Version, count: int) -> tuple[int, ...]:
    return (version.major, version.minor)[:count]


def _parsed(tag: str) -> Version | None:
    try:
        return Version(tag)
    except InvalidVersion:
        return None


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text[:80]!r} is not a version (PEP 440); write for example 1.2.3.") from error
