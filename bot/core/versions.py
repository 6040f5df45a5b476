"""The next version of a release, and how far two versions are apart (PEP 440)."""

from typing import Literal

from packaging.version import InvalidVersion, Version

from bot.core.errors import Refused

ReleaseKind = Literal["major", "minor", "patch"]


class VersionError(Refused):
    """One sentence naming the version, why it has no next one, and what to write instead."""


def next_version(current: str, kind: ReleaseKind) -> str:
    """The version after a major, minor or patch release, with as many numbers as the current one, at least three.

    A pre-release's next patch is its final version. Raises VersionError for what is not a plain X.Y.Z.
    """
    version = _version(current)
    if version.epoch or version.local or version.is_postrelease or version.is_devrelease:
        raise VersionError(f"{current} has an epoch, local, post or dev part; name the next version in full (X.Y.Z).")
    if len(version.release) > 3:
        raise VersionError(f"{current} has more than three numbers; name the next version in full (X.Y.Z).")
    numbers = [*version.release, 0, 0][:3]
    place = {"major": 0, "minor": 1, "patch": 2}[kind]
    if not (version.is_prerelease and not any(numbers[place + 1 :])):
        numbers = [*numbers[:place], numbers[place] + 1, *([0] * (2 - place))]
    return ".".join(map(str, numbers))


def is_major_update(old: str, new: str) -> bool:
    """Whether the update may break on purpose: a higher epoch or first number, or second number while that is 0."""
    before, after = _version(old), _version(new)
    if after <= before:
        return False
    significant = 2 if before.major == 0 and after.major == 0 else 1
    return (before.epoch, _leading(before, significant)) != (after.epoch, _leading(after, significant))


def _leading(version: Version, count: int) -> tuple[int, ...]:
    return (version.major, version.minor)[:count]


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion as error:
        raise VersionError(f"{text[:80]!r} is not a version (PEP 440); write for example 1.2.3.") from error
