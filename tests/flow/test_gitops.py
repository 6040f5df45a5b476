"""Deployments declared in a repository of their own, through GitHub's door: merge, digest, comment, way back."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot import running
from bot.adapters.inbox import SqliteInbox
from bot.adapters.tarball import unpack
from bot.demo.person import Person, until
from bot.pipelines.calm import Calm
from bot.pipelines.control import Supervisor
from bot.pipelines.course import Workshop
from bot.pipelines.image import Yard
from bot.pipelines.merges import MergeRuns
from bot.pipelines.register import FolderRegister
from bot.pipelines.runner import LocalRunner
from bot.pipelines.store import FolderStore
from bot.sandbox import Sandbox
from bot.service.dispatch import Dispatch, Outside
from bot.settings import Settings
from bot.wiring import program
from tests.contract.memory_watch_list import MemoryWatchList
from tests.flow.clusters import answering
from tests.flow.town import REPOSITORY, square
from tests.managers.package_world import PackageWorld
from tests.managers.places import MemoryLaboratory, MemoryReleaseNotes
from tests.pipelines.images import MemoryImages
from tests.pipelines.test_cluster import BASE, FIRST, IMAGE
from tests.pipelines.workshop import SERVICE, Bench, OneEnvironment, lock, small_environment
from tests.sandbox.harness import Client, as_user

ELSEWHERE = "ops/environments"
OVERLAY = "digits/overlays/prod"
FILE = f"{OVERLAY}/kustomization.yaml"
OPEN = f"deployments_from: [{{repository: {REPOSITORY}, below: digits}}]\n"
KUSTOMIZATION = f"images:\n  - name: digits\n    newName: {IMAGE}\n    digest: {FIRST}\n"
CONFIG = f"""\
managers: [{{name: update, enabled: false}}, {{name: provenance, enabled: false}}]
service: {{categories: [app], inputs: [shop], wsgi: "shop:create_app()", ready: /readyz, version: /version}}
deploy:
  image: {IMAGE}
  overlay: {OVERLAY}
  repository: {ELSEWHERE}
  branch: live
  patience_minutes: 1
"""


@dataclass
class Realm:
    """Two repositories on the local GitHub, the bot, and a cluster that serves what the second one declares."""

    sandbox: Sandbox
    ada: Person
    client: Client
    images: MemoryImages = field(default_factory=MemoryImages)
    tired: int = 0
    running: str = FIRST

    async def declared(self) -> str:
        """The digest on the branch that the cluster's controller watches."""
        _, found = await self.client("GET", f"/repos/{ELSEWHERE}/contents/{FILE}?ref=live")
        return base64.b64decode(found["content"]).decode().split("digest: ")[1].split()[0]

    async def commits(self) -> list[dict[str, Any]]:
        """The commits of that branch, the newest first."""
        return list((await self.client("GET", f"/repos/{ELSEWHERE}/commits?sha=live"))[1])

    async def merge(self, branch: str, service: str) -> tuple[int, str]:
        """A pull request that changes the service, merged: its number and the merge's commit."""
        await branch_off(self.client, REPOSITORY, branch)
        await self.sandbox.push(REPOSITORY, "ada", {"shop/__init__.py": service}, branch, branch)
        asked = {"title": branch, "head": branch, "base": "main"}
        _, pull = await self.client("POST", f"/repos/{REPOSITORY}/pulls", asked)
        return pull["number"], await self.ada.merge(pull["number"])

    async def outcome(self, commit: str) -> str:
        """The state and, where it is no success, the words of the commit's status as a whole, once it has ended."""
        found = await until(lambda: self.ada.status(commit, "bolide"), f"the end of {commit}", 30)
        return "success" if found["state"] == "success" else f"{found['state']}: {found['description']}"

    async def said(self, number: int, start: str) -> str:
        """The one comment of the bot's that begins so."""

        async def ask() -> str | None:
            comments = [one["body"] for one in await self.ada.get(f"/issues/{number}/comments")]
            return next((body for body in comments if body.startswith(start)), None)

        return await until(ask, f"{start!r} on #{number}", 30)

    async def comment(self, number: int, body: str) -> None:
        await self.client("POST", f"/repos/{REPOSITORY}/issues/{number}/comments", {"body": body})


async def branch_off(client: Client, repository: str, name: str) -> None:
    """A branch where the default branch is."""
    _, head = await client("GET", f"/repos/{repository}/commits/HEAD")
    status, _ = await client("POST", f"/repos/{repository}/git/refs", {"ref": f"refs/heads/{name}", "sha": head["sha"]})
    assert status == 201


@pytest.fixture
async def realm(tmp_path: Path) -> AsyncIterator[Realm]:
    async with AsyncExitStack() as stack:
        files: dict[str, bytes | str] = {"shop/__init__.py": SERVICE, "Pipfile.lock": lock(), "README.md": "Digits"}
        sandbox, settings, install = await stack.enter_async_context(square(tmp_path, files))
        await sandbox.create_repository(ELSEWHERE, {FILE: KUSTOMIZATION})
        async with as_user(sandbox, "ops") as ops:
            await branch_off(ops, ELSEWHERE, "live")
        client = await stack.enter_async_context(as_user(sandbox, "ada"))
        there = Realm(sandbox, Person(client.session, sandbox.api_url, REPOSITORY), client)
        url = await stack.enter_async_context(cluster(there))
        install()
        install(ELSEWHERE)
        await stack.enter_async_context(running.at_work(await bolide(stack, settings, there.images, tmp_path)))
        text = f"{CONFIG}  url: {url}\n"
        await sandbox.push(REPOSITORY, "ada", {".github/bolide.yaml": text}, "Deploy")
        yield there


@asynccontextmanager
async def cluster(there: Realm) -> AsyncIterator[str]:
    """The address at which the cluster answers as the commit of the image that is declared."""

    async def answer(_: web.Request) -> web.Response:
        commit, _model, code = there.images.pushed.get(there.running, ("0" * 40, None, ""))
        there.tired += "TIRES" in code
        return web.json_response({"commit": commit}, status=500 if there.tired > 5 else 200)

    async with answering(answer, control(there)) as url:
        yield url


async def control(there: Realm) -> None:
    """What a GitOps controller does: look at the branch again and again, and run what it declares."""
    while True:
        there.running = await there.declared()
        await asyncio.sleep(0.2)


async def bolide(stack: AsyncExitStack, settings: Settings, images: MemoryImages, folder: Path) -> program.Bolide:
    """The bot with the real GitHub adapter, inbox, dispatch and stages; images are built and pushed in memory."""
    forge = await stack.enter_async_context(program.github(settings))
    state = settings.state_dir
    for name in ("runs", "releases", "scratch"):
        (state / name).mkdir(parents=True)
    inbox = SqliteInbox(state / "inbox.sqlite")
    stack.callback(inbox.close)
    environments = OneEnvironment(small_environment(folder / "environment"))
    supervisor = Supervisor(state / "nobody")
    shop = Workshop(
        LocalRunner(environments, Bench()),
        environments,
        FolderStore(state / "artefacts"),
        supervisor,
        state / "releases",
        state / "scratch",
        yard=Yard(images, BASE),
        probation=1,
    )
    loopback = frozenset({"127.0.0.1"})
    register, turn = FolderRegister(state / "register"), asyncio.Lock()
    runs = MergeRuns(shop, state / "runs", unpack, turn, forge, register, allowed_hosts=loopback, calm=Calm(storm=0))
    stack.push_async_callback(runs.close)
    world = PackageWorld({})
    ports = (world, world, MemoryLaboratory(), MemoryReleaseNotes(), runs, runs, inbox, MemoryWatchList())
    outside = Outside(forge, *ports, lambda: datetime.now(UTC), "http://127.0.0.1:1")
    return program.Bolide(settings, inbox, Dispatch(outside), supervisor, (), register)


async def test_a_merge_is_declared_in_another_repository_that_admits_it_and_taken_back_there(realm: Realm) -> None:
    # Nobody has said there that this repository may: nothing is written, and the remedy is told where the merge was.
    before = await realm.commits()
    number, commit = await realm.merge("one", SERVICE + "# one\n")
    assert (await realm.outcome(commit)).startswith("failure: ")
    said = await realm.said(number, "🛑 **Not deployed")
    number_there = (await realm.client("GET", f"/repos/{REPOSITORY}"))[1]["id"]
    assert f"add `- {{repository: {REPOSITORY}, id: {number_there}, below: {OVERLAY}}}` to `deployments_from`" in said
    assert (await realm.commits(), realm.images.builds) == (before, 0)

    await realm.sandbox.push(ELSEWHERE, "ops", {".github/bolide.yaml": OPEN}, "Admit", "main")
    await realm.comment(number, "/retest")
    assert "🚀 **Deployed and verified.**" in await realm.said(number, "🚀")
    assert await realm.outcome(commit) == "success"
    good = await realm.declared()
    assert realm.images.pushed[good][0] == commit
    head = (await realm.commits())[0]
    assert (head["author"]["login"], head["commit"]["message"].splitlines()[0]) == (
        "bolide[bot]",
        f"Deploy {good[:19]} of {commit[:8]}",
    )
    # The commit there starts nothing, here or there.
    assert (await realm.client("GET", f"/repos/{ELSEWHERE}/commits/{head['sha']}/status"))[1]["statuses"] == []

    _, second = await realm.merge("two", SERVICE + "# two\n")
    assert await realm.outcome(second) == "success"
    await realm.comment(number, "/rollback")
    said = await realm.said(number, "⏪ **Rolled back.**")
    assert f"Commit {commit[:8]} serves again in place of {second[:8]}" in said
    assert await realm.declared() == good
    assert (await realm.commits())[0]["commit"]["message"].startswith(f"Roll back {OVERLAY} to {good[:19]}")

    # What tires in its probation is taken back there by itself.
    number, bad = await realm.merge("three", SERVICE + "# TIRES\n")
    assert (await realm.outcome(bad)).startswith("failure: ")
    assert "declares" in await realm.said(number, "⏪ **Rolled back; what served before serves again.**")
    assert await realm.declared() == good

    # No longer admitted: not even the way back is written, and the command is answered with the reason.
    await realm.sandbox.push(ELSEWHERE, "ops", {".github/bolide.yaml": "python: '3.11'\n"}, "Close", "main")
    await realm.comment(number, "/rollback prod")
    assert f"takes no deployments of {REPOSITORY}" in await realm.said(number, "`deploy.repository` is")
    assert await realm.declared() == good
