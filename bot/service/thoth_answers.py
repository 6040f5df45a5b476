"""What Thoth's clients are answered: advice from the adviser, and the provenance of what they locked."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from bot.advisor import thoth
from bot.advisor.subjects import subject
from bot.advisor.thoth import Stack
from bot.core import lockfile, pipfile
from bot.core.advice import Row
from bot.core.attestations import Attestations, NoAttestations
from bot.core.environments import of_lock
from bot.core.errors import Refused, TryLater
from bot.core.packages import All, Index, Keep, Resolution, ResolveRequest
from bot.managers.provenance import examine
from bot.service.advising import Advising

COOLDOWN_DAYS = 7
"""What is younger is recommended only to those who ask for `latest`."""

OWN_SECTION = (
    "thamos writes a section [thoth] into the Pipfile, which pipenv does not read since it has categories; take it out "
    "again, or restore your Pipfile: the lock is for both."
)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers from an adviser of the moment and the index; `allowed_hosts` may be private or without TLS."""

    advising: Callable[[], Advising]
    index: Index
    allowed_hosts: frozenset[str] = frozenset()
    attestations: Attestations = field(default_factory=NoAttestations)

    async def advise(self, stack: Stack) -> dict[str, Any]:
        """The result of an advise analysis: a lock of this Pipfile with its reasons, or why there is none."""
        advising = self.advising()
        try:
            request = self._request(stack, advising.now)
            told = await advising.recommend(request)
            found = told.resolution or await _kept(request, advising)
        except (Refused, TryLater) as problem:
            return thoth.not_advised(str(problem), {"recommendation_type": stack.recommendation})
        wanted, day = request.pipfile, advising.now.date().isoformat()
        home = wanted.sources[0].url
        info = [
            Row("INFO", f"Resolved by {found.resolver} as of {day}.", home, "", "", day),
            Row("INFO", told.checked, home, "", "", day),
            Row("WARNING", OWN_SECTION, "https://pypi.org/project/thamos/", "", "", day),
            *(Row("INFO", note, home, "", found.resolver, day) for note in found.notes),
        ]
        report = thoth.advise_report(wanted.document, found.lock, found.required_by, told.rows, info, {})
        return thoth.advised(report, {"recommendation_type": stack.recommendation})

    def _request(self, stack: Stack, now: datetime) -> ResolveRequest:
        wanted = pipfile.parse(stack.pipfile, self.allowed_hosts)
        cutoff = None if stack.recommendation == "latest" else now - timedelta(days=COOLDOWN_DAYS)
        old = _lock(stack.lock)
        return ResolveRequest(wanted, old, stack.python, All(), cutoff, recommendation=stack.recommendation)

    async def check(self, stack: Stack) -> dict[str, Any]:
        """The result of a provenance check."""
        project = thoth.project({}, {})
        if not stack.lock:
            return thoth.checked((), project, "There is no Pipfile.lock to check; lock first.")
        try:
            looked_at = subject(of_lock("Pipfile.lock"), stack.pipfile, stack.lock, self.allowed_hosts)
            found = await examine(looked_at, self.index, self.attestations)
        except (Refused, TryLater) as problem:
            return thoth.checked((), project, str(problem))
        return thoth.checked([finding.document for finding in found.findings], project)


def _lock(text: str) -> dict[str, Any] | None:
    try:
        return lockfile.parse(text) if text else None
    except ValueError as problem:
        raise Refused(str(problem)) from problem


async def _kept(request: ResolveRequest, advising: Advising) -> Resolution:
    """Today's lock, where nothing is better than it: as a lock of this very Pipfile."""
    return await advising.resolve(replace(request, upgrade=Keep()))
