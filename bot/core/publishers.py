"""Whether those who published the new releases of a lock are those who published the old ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from bot.core.advice import Row
from bot.core.attestations import Attested, NotVerified, Unattested, Unchecked, Verified
from bot.core.changes import Change
from bot.core.lockfile import sections
from bot.core.packages import File, PackageUnknown
from bot.core.pipfile import Pipfile
from bot.core.see import See

MOST = 200
"""Packages of which publishers are compared."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """One file of the old and one of the new release; None where the index tells of no attestation of any."""

    change: Change
    source: str
    old: File | None
    new: File | None


async def rows(
    moved: Iterable[Change], before: Mapping[str, Any], after: Mapping[str, Any], wanted: Pipfile, see: See
) -> tuple[Row, ...]:
    """What is to be said where a publisher that was verified changes, is gone, or where a new attestation fails.

    Raises IndexUnreachable.
    """
    stepped = [change for change in moved if change.old and change.new][:MOST]
    pairs = [await _pair(change, _hashes(before), _hashes(after), wanted, see) for change in stepped]
    told = [pair for pair in pairs if pair.old or pair.new]
    if not told:
        return ()
    verdicts = await see.attestations.of([file for pair in told for file in (pair.old, pair.new) if file])
    day = see.now.date().isoformat()
    found, unchecked = [], dict[str, int]()
    for pair in told:
        old, new = (verdicts[file.sha256] if file else Unattested() for file in (pair.old, pair.new))
        link = pair.new.provenance if pair.new else ""
        if said := _against(pair.change, old, new):
            found.append(Row("WARNING", said, link, pair.change.name, pair.source, day))
        elif reason := next((each.reason for each in (old, new) if isinstance(each, Unchecked)), ""):
            unchecked[reason] = unchecked.get(reason, 0) + 1
    for reason, number in unchecked.items():
        packages = f"{number} packages" if number > 1 else "one package"
        found.append(Row("INFO", f"The publishers of {packages} were not compared: {reason}.", "", "", "", day))
    return tuple(found)


def _against(change: Change, old: Attested, new: Attested) -> str:
    """What speaks against the step, empty where nothing does or nothing can be said."""
    if isinstance(new, NotVerified):
        return f"{change.name} {change.new} has an attestation that does not hold: {new.reason}."
    if not isinstance(old, Verified):
        return ""
    if isinstance(new, Unattested):
        return (
            f"{change.name} {change.old} was published by {old}, which was verified; {change.new} has no attestation."
        )
    if isinstance(new, Verified) and new != old:
        return f"{change.name} has another publisher: {change.old} is of {old}, {change.new} of {new}."
    return ""


async def _pair(
    change: Change, before: Mapping[str, set[str]], after: Mapping[str, set[str]], wanted: Pipfile, see: See
) -> _Pair:
    url = wanted.source_of(change.name).url
    try:
        page = await see.index.project(change.name, url)
    except PackageUnknown:
        return _Pair(change, url, None, None)
    old = _attested(page.release(change.old), before.get(change.name, set()))
    return _Pair(change, url, old, _attested(page.release(change.new), after.get(change.name, set())))


def _attested(files: Iterable[File], hashes: set[str]) -> File | None:
    """One locked file that has attestations: a release comes from one publisher, so one of its files tells."""
    there = (file for file in files if file.provenance and (not hashes or file.sha256 in hashes))
    return min(there, key=lambda file: file.filename, default=None)


def _hashes(lock: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for section in sections(lock).values():
        for name, entry in section.items():
            digests = (str(digest).removeprefix("sha256:") for digest in entry.get("hashes", ()))
            found.setdefault(canonicalize_name(name), set()).update(digests)
    return found
