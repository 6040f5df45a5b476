"""A repository, the people around it and the bot, all in memory: deliveries go in, what the bot did is looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from bot.core import lockfile, pipfile
from bot.core.attestations import Attestations, NoAttestations
from bot.core.baseimages import NoRegistry, Registry
from bot.core.errors import Refused, TryLater
from bot.core.mirror import Mirror
from bot.core.packages import Index, Resolver
from bot.core.ports import Delivery
from bot.core.records import Archive, NoArchive
from bot.core.stages import Done, RunResult, StageName, StageReport, Started, Verified
from bot.service.advising import Lore
from bot.service.dispatch import Dispatch, Outside
from bot.service.mirrored import Forgetful
from tests.contract.memory_inbox import MemoryInbox
from tests.contract.memory_watch_list import MemoryWatchList
from tests.managers.memory_forge import LOGIN, MemoryForge, MemoryRepository
from tests.managers.package_world import PackageWorld
from tests.managers.places import MemoryLaboratory, MemoryReleaseNotes, MemoryRunner

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SERVICE = "http://127.0.0.1:8090/"
ADA, ROB, STRANGER = ("ada", 1), ("rob", 2), ("stan", 3)
PIPFILE = """\
[[source]]
url = "https://pypi.org/simple"
verify_ssl = true
name = "pypi"

[packages]
flask = "*"
"""
CONFIG = """\
service: {wsgi: "app:create_app()"}
release: {version_files: [digits/__init__.py, pyproject.toml]}
"""
CHANGELOG = """\
# Changelog

## [Unreleased]

- The page shows the model.

## [1.2.3] - 2026-01-01

- First.
"""


def lock(wanted: str = PIPFILE, **pins: str) -> str:
    """A lock of the Pipfile with these versions."""
    meta = {"hash": {"sha256": pipfile.pipfile_hash(pipfile.parse(wanted))}, "pipfile-spec": 6}
    entries = {name: {"hashes": ["sha256:" + "0" * 64], "version": f"=={version}"} for name, version in pins.items()}
    return lockfile.render({"_meta": {**meta, "requires": {}, "sources": []}, "default": entries, "develop": {}})


FILES = {
    "Pipfile": PIPFILE,
    "Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3"),
    ".github/bolide.yaml": CONFIG,
    "CHANGELOG.md": CHANGELOG,
    "digits/__init__.py": '__version__ = "1.2.3"  # released\n',
    "pyproject.toml": '[project]\nname = "digits"\nversion = "1.2.3"\n',
}


def table() -> PackageWorld:
    """Flask and its werkzeug, old and new; the newest flask is younger than the cooldown."""
    releases = {
        "flask": {"2.2.5": date(2023, 5, 2), "3.1.0": date(2026, 10, 1), "3.2.0": date(2026, 11, 20)},
        "werkzeug": {"2.2.3": date(2023, 2, 14), "3.1.0": date(2026, 9, 30)},
    }
    return PackageWorld(releases, {"flask": ("werkzeug",)})


def verified(sha: str) -> RunResult:
    return Verified(sha, "tf-1", 31.4, 10)


def course(sha: str) -> list[StageReport]:
    stages: tuple[StageName, ...] = ("train", "deploy", "verify")
    return [StageReport(sha, stage, outcome) for stage in stages for outcome in (Started(), Done("a" * 64, 1.5))]


@dataclass(slots=True)
class World:
    """Everything outside the bot, and the bot; `notes` are what came out of its jobs."""

    repository: MemoryRepository = field(default_factory=MemoryRepository)
    packages: PackageWorld = field(default_factory=table)
    laboratory: MemoryLaboratory = field(default_factory=MemoryLaboratory)
    release_notes: MemoryReleaseNotes = field(default_factory=MemoryReleaseNotes)
    runner: MemoryRunner = field(default_factory=lambda: MemoryRunner(verified, course))
    registry: Registry = field(default_factory=NoRegistry)
    attestations: Attestations = field(default_factory=NoAttestations)
    seconds: float = 0.0
    now: datetime = NOW
    notes: list[str] = field(default_factory=list)
    forge: MemoryForge = field(init=False)
    inbox: MemoryInbox = field(init=False)
    watch_list: MemoryWatchList = field(default_factory=MemoryWatchList)
    lore: Lore = field(default_factory=Lore)
    index: Index | None = None
    resolver: Resolver | None = None
    archive: Archive = field(default_factory=NoArchive)
    allowed: frozenset[str] = frozenset()
    mirror: Mirror = field(default_factory=Forgetful)
    dispatch: Dispatch = field(init=False)

    def __post_init__(self) -> None:
        self.repository.push(FILES)
        self.repository.permissions |= {ADA[1]: "admin", ROB[1]: "read"}
        self.repository.logins |= {number: login for login, number in (ADA, ROB, STRANGER)}
        self.forge = MemoryForge(self.repository)
        self.inbox = MemoryInbox(lambda: self.seconds)
        self.dispatch = Dispatch(
            Outside(
                self.forge,
                self.index or self.packages,
                self.resolver or self.packages,
                self.laboratory,
                self.release_notes,
                self.runner,
                self.runner,
                self.inbox,
                self.watch_list,
                lambda: self.now,
                SERVICE,
                self.allowed,
                lore=self.lore,
                archive=self.archive,
                mirror=self.mirror,
                registry=self.registry,
                attestations=self.attestations,
            )
        )

    async def deliver(self, kind: str, sender: tuple[str, int] = ADA, **body: Any) -> None:
        """GitHub posts an event about the repository, and the bot does all that follows from it."""
        await self.post(kind, sender, **body)
        await self.settle()

    async def post(self, kind: str, sender: tuple[str, int] = ADA, *, bot: bool = False, **body: Any) -> None:
        """GitHub posts an event about the repository; the bot has it in the inbox."""
        there = self.repository
        told = {
            "sender": {"login": sender[0], "id": sender[1], "type": "Bot" if bot else "User"},
            "installation": {"id": 1},
            "repository": {"id": there.id, "full_name": there.name, "default_branch": "main"},
            **body,
        }
        await self.inbox.put(Delivery(str(uuid4()), kind, json.dumps({**told, "nonce": str(uuid4())}).encode()))

    async def settle(self) -> None:
        """Route and work until nothing is due; what is to be tried later waits for its time."""
        while delivery := await self.inbox.lease_delivery(60):
            await self.inbox.route(delivery.id, *self.dispatch.route(delivery))
        while job := await self.inbox.lease_job(60):
            try:
                note = await self.dispatch.work(job)
                await self.inbox.finish(job, note)
            except TryLater as problem:
                note = f"later ({problem.after:.0f} s): {problem}"
                await self.inbox.postpone(job, problem.after, note)
            except Refused as refusal:
                note = f"refused: {refusal}"
                await self.inbox.finish(job, note)
            self.notes.append(note)
        if any(not letter.routed for letter in self.inbox.letters):
            await self.settle()

    async def install(self) -> None:
        there = self.repository
        added = [{"id": there.id, "full_name": there.name}]
        await self.deliver("installation", action="created", repositories=added)

    async def pushed(self, files: Mapping[str, str]) -> str:
        sha = self.repository.push(files)
        await self.deliver("push", ref="refs/heads/main", after=sha, deleted=False)
        return sha

    async def merged(self, number: int, *, fork: bool = False) -> str:
        """A person merges the pull request."""
        pull = self.repository.pulls[number]
        sha = self.repository.merge(number)
        await self.tell_of_merge(number, pull.branch, sha, fork=fork)
        return sha

    async def tell_of_merge(self, number: int, branch: str, sha: str, *, fork: bool = False) -> None:
        head = {"ref": branch, "repo": {"id": 99 if fork else self.repository.id}}
        told = {"number": number, "merged": True, "merge_commit_sha": sha, "head": head, "base": {"ref": "main"}}
        told["labels"] = [{"name": name} for name in self.repository.pulls[number].labels]
        await self.deliver("pull_request", action="closed", pull_request=told)

    async def titled(self, title: str, sender: tuple[str, int] = ADA) -> int:
        number = self.repository.issue()
        await self.deliver("issues", sender, action="opened", issue={"number": number, "title": title})
        return number

    async def commented(self, issue: int, text: str, sender: tuple[str, int] = ADA, comment: int = 501) -> None:
        said = {"id": comment, "body": text}
        await self.deliver("issue_comment", sender, action="created", issue={"number": issue}, comment=said)

    async def wait(self, seconds: float) -> None:
        """Time passes, and what was put off is done."""
        self.seconds += seconds
        await self.settle()

    def only_pull(self) -> int:
        """The number of the one open pull request."""
        (number,) = (pull.number for pull in self.repository.pulls.values() if pull.state == "open")
        return number

    def only_release(self) -> int:
        """The number of the open release pull request."""
        opened = (pull for pull in self.repository.pulls.values() if pull.state == "open")
        (number,) = (pull.number for pull in opened if pull.branch == "bolide/release")
        return number

    def bot_branches(self) -> set[str]:
        return set(self.repository.branches) - {"main"}


__all__ = ["LOGIN", "World"]
