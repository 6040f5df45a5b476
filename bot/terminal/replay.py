"""`replay`: what a pull request proposed, derived again from its record, without the network."""

import asyncio
import hashlib
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.adapters.archive import FolderArchive, Kept, Nothing, resolving, tools
from bot.adapters.folder import NoLaboratory, NothingDeployed
from bot.adapters.resolver import target_of
from bot.core.advisories import Checked, NotChecked
from bot.core.attestations import Attested
from bot.core.errors import Refused, TryLater
from bot.core.events import Actor
from bot.core.labelling import Pull
from bot.core.packages import File
from bot.core.plan import Plan, ProposeChange
from bot.core.ports import CheckOutcome, History, MergedPull, PullRequest, Snapshot, Standing
from bot.core.records import Proposed, Unreadable
from bot.core.releasenotes import Asked, Notes
from bot.core.see import See
from bot.service.advising import Advising, Lore
from bot.service.dispatch import MANAGERS
from bot.service.recording import named, question


def main(name: str, state: Path, out: Path | None) -> int:
    """Derive again and compare; exit status 0 where all is the same, 1 where not, 2 where it cannot be done."""
    archive = FolderArchive(state / "snapshots", Nothing())
    try:
        snapshot, made = archive.of(name)
        kept = archive.load(snapshot)
        found, used = asyncio.run(derive(kept, snapshot, made.branch))
    except (Refused, TryLater, Unreadable, OSError, ValueError, KeyError) as problem:
        print(f"{name} was not derived again: {problem}", file=sys.stderr)
        return 2
    print(f"{name}: record {snapshot}, as of {kept.record.as_of:%Y-%m-%d %H:%M} UTC, resolver {kept.tools['resolver']}")
    if out:
        _write(out, found)
    return _compare(made, found, kept.tools, used)


async def derive(kept: Kept, snapshot: str, branch: str) -> tuple[Proposed, dict[str, str]]:
    """What the record's manager proposes on the branch, and the tools that derived it; raises Refused."""
    record = kept.record
    async with resolving(kept.seen) as resolver:
        lore = Lore(_Advisories(dict(record.advisories)), tuple(record.rules), target_of)
        advising = Advising(resolver, kept.seen, lore, record.as_of)
        reader, notes = _Reader(dict(record.reads)), _Notes(dict(record.notes))
        hosts, laboratory = record.allowed_hosts, NoLaboratory()
        ports = (reader, kept.seen, advising, advising, laboratory, notes, NothingDeployed())
        attestations = _Attestations(dict(record.attestations))
        see = See(*ports, record.login, record.as_of, hosts, attestations=attestations)
        plan: Plan | None = await MANAGERS[record.manager].plan(record.event, see)
        used = await tools(resolver)
    actions = named(plan, snapshot).actions if plan else ()
    for action in actions:
        if isinstance(action, ProposeChange) and action.branch == branch:
            return Proposed(action.branch, action.files, action.body), used
    raise Refused(f"the record's plan proposes nothing on {branch}: {plan.reason if plan else 'no plan'}")


def _compare(made: Proposed, found: Proposed, then: Mapping[str, str], now: Mapping[str, str]) -> int:
    """Say of each file and of the text whether it is the same, byte for byte."""
    pairs = [(f"text of {made.branch}", made.body, found.body)]
    again = {file.path: file.text for file in found.files}
    pairs += [(file.path, file.text, again.get(file.path, "")) for file in made.files]
    for what, old, new in pairs:
        digest = hashlib.sha256(new.encode()).hexdigest()
        print(f"{'same' if old == new else 'DIFFERENT'}: {what} (sha256 {digest})")
    other = [f"{key} {then.get(key)} then, {now[key]} now" for key in sorted(now) if then.get(key) != now[key]]
    if other:
        print(f"Other tools than then: {'; '.join(other)}.")
    return 0 if all(old == new for _, old, new in pairs) and len(again) == len(made.files) else 1


def _write(out: Path, found: Proposed) -> None:
    """The files and the text into a folder; a path of a repository cannot lead out of it."""
    for path, text in (*((file.path, file.text) for file in found.files), ("pull-request.md", found.body)):
        place = (out / path).resolve()
        if not place.is_relative_to(out.resolve()):
            raise Refused(f"{path} would be outside {out}.")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())


_NO_RELEASE = "a record has nothing of what releases ask."


@dataclass(frozen=True, slots=True)
class _Reader:
    """`ports.Reader` from a record."""

    reads: Mapping[str, Any]

    def _read(self, method: str, *values: object) -> Any:
        asked = question(method, *values)
        if asked not in self.reads:
            raise Refused(f"the record does not have the answer to {asked[:200]}.")
        return self.reads[asked]

    async def snapshot(
        self,
        paths: Sequence[str],
        *,
        branch: str,
        sha: str | None = None,
        more: Sequence[str] = (),
        overlays: str = "",
        tracked: str = "",
    ) -> Snapshot:
        found: Snapshot = self._read("snapshot", tuple(paths), branch, sha, tuple(more), overlays, tracked)
        return found

    async def pull_request(self, number: int) -> PullRequest:
        found: PullRequest = self._read("pull_request", number)
        return found

    async def changed_files(self, number: int) -> tuple[str, ...]:
        raise Refused(_NO_RELEASE)

    async def history(self, sha: str, since: str | None) -> History:
        raise Refused(_NO_RELEASE)

    async def merged_pulls(self) -> tuple[MergedPull, ...]:
        raise Refused(_NO_RELEASE)

    async def checks(self, sha: str) -> tuple[CheckOutcome, ...]:
        raise Refused(_NO_RELEASE)

    async def issue_is_open(self, number: int) -> bool:
        raise Refused(_NO_RELEASE)

    async def release_url(self, tag: str) -> str | None:
        raise Refused(_NO_RELEASE)

    async def tags(self) -> tuple[str, ...]:
        found: tuple[str, ...] = self._read("tags")
        return found

    async def open_pulls(self) -> tuple[Pull, ...]:
        found: tuple[Pull, ...] = self._read("open_pulls")
        return found

    async def paths(self, sha: str) -> tuple[str, ...]:
        found: tuple[str, ...] = self._read("paths", sha)
        return found

    async def standing(self, actor: Actor) -> Standing:
        found: Standing = self._read("standing", actor)
        return found

    async def tarball(self, sha: str) -> bytes:
        raise Refused("a record has no tarball.")


@dataclass(frozen=True, slots=True)
class _Advisories:
    """`Advisories` from a record."""

    told: Mapping[tuple[str, ...], Checked | NotChecked]

    async def about(self, names: Collection[str]) -> Checked | NotChecked:
        if tuple(names) not in self.told:
            raise Refused("the record does not have the advisories that are asked for.")
        return self.told[tuple(names)]


@dataclass(frozen=True, slots=True)
class _Attestations:
    """`Attestations` from a record."""

    told: Mapping[tuple[str, ...], Mapping[str, Attested]]

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        asked = tuple(file.sha256 for file in files)
        if asked not in self.told:
            raise Refused("the record does not have the attestations that are asked for.")
        return self.told[asked]


@dataclass(frozen=True, slots=True)
class _Notes:
    """`ReleaseNotes` from a record."""

    told: Mapping[tuple[Asked, ...], tuple[Notes, ...]]

    async def read(self, wanted: Sequence[Asked]) -> tuple[Notes, ...]:
        return self.told.get(tuple(wanted), ())
