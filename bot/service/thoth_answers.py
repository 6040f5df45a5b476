"""What Thoth's clients are answered: advice from the resolver, and the provenance of what they locked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.advisor import thoth
from bot.advisor.thoth import Stack
from bot.core import changes, lockfile, pipfile
from bot.core.advice import Row
from bot.core.errors import Refused, TryLater
from bot.core.packages import All, Index, Resolution, Resolver, ResolveRequest
from bot.core.pipfile import Pipfile
from bot.managers.provenance import examine

COOLDOWN_DAYS = 7
"""What is younger is recommended only to those who ask for `latest`."""

OWN_SECTION = (
    "thamos writes a section [thoth] into the Pipfile, which pipenv does not read since it has categories; take it out "
    "again, or restore your Pipfile: the lock is for both."
)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers from these ports; `allowed_hosts` may be private or without TLS."""

    resolver: Resolver
    index: Index
    now: Callable[[], datetime]
    allowed_hosts: frozenset[str] = frozenset()

    async def advise(self, stack: Stack) -> dict[str, Any]:
        """The result of an advise analysis: a lock of this Pipfile with its reasons, or why there is none."""
        parameters = {"recommendation_type": stack.recommendation}
        try:
            wanted = pipfile.parse(stack.pipfile, self.allowed_hosts)
            old = _lock(stack.lock)
            cutoff = None if stack.recommendation == "latest" else self.now() - timedelta(days=COOLDOWN_DAYS)
            found = await self.resolver.resolve(ResolveRequest(wanted, old, stack.python, All(), cutoff))
        except (Refused, TryLater) as problem:
            return thoth.not_advised(str(problem), parameters)
        day = self.now().date().isoformat()
        rows = _justification(old, found, wanted, day)
        info = [
            Row("INFO", f"Resolved by {found.resolver} as of {day}.", wanted.sources[0].url, "", "", day),
            Row("WARNING", OWN_SECTION, "https://pypi.org/project/thamos/", "", "", day),
            *(Row("INFO", note, wanted.sources[0].url, "", found.resolver, day) for note in found.notes),
        ]
        report = thoth.advise_report(wanted.document, found.lock, found.required_by, rows, info, {})
        return thoth.advised(report, parameters)

    async def check(self, stack: Stack) -> dict[str, Any]:
        """The result of a provenance check."""
        project = thoth.project({}, {})
        if not stack.lock:
            return thoth.checked((), project, "There is no Pipfile.lock to check; lock first.")
        try:
            found = await examine(stack.pipfile, stack.lock, self.index, allowed_hosts=self.allowed_hosts)
        except (Refused, TryLater) as problem:
            return thoth.checked((), project, str(problem))
        return thoth.checked([finding.document for finding in found.findings], project)


def _lock(text: str) -> dict[str, Any] | None:
    try:
        return lockfile.parse(text) if text else None
    except ValueError as problem:
        raise Refused(str(problem)) from problem


def _justification(old: Mapping[str, Any] | None, found: Resolution, wanted: Pipfile, day: str) -> list[Row]:
    """Why each package moves, and why each that is not at its newest release stays."""
    rows = []
    for change in changes.diff(old or {"_meta": {}}, found.lock, wanted):
        parents = ", ".join(found.required_by.get(change.name, ())[:3])
        why = (
            "the Pipfile names it" if change.direct else f"required by {parents}" if parents else "nothing requires it"
        )
        message = f"{change.name} {change.old or '(new)'} → {change.new or '(gone)'}: {why}"
        rows.append(Row("INFO", message, _page(wanted, change.name), change.name, found.resolver, day))
    for held in found.held_back:
        message = f"{held.name} stays at {held.current}, although {held.latest} is out: {held.reason}"
        rows.append(Row("WARNING", message, _page(wanted, held.name), held.name, found.resolver, day))
    return rows


def _page(wanted: Pipfile, name: str) -> str:
    """The package's page on the index that the Pipfile takes it from."""
    entries = (requirements.get(name) for requirements in wanted.categories.values())
    named = next((entry.index for entry in entries if entry and entry.index), "")
    url = next((source.url for source in wanted.sources if source.name == named), wanted.sources[0].url)
    return f"{url.rstrip('/')}/{name}/"
