"""Images through GitHub's door: a merge's and a release's, built by the real buildah and pushed to a real registry."""

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from aiohttp import web

from bot import running
from bot.demo.person import Person, until
from bot.wiring import program
from tests.contract.registry import PRESENT, REASON, Registry
from tests.flow.clusters import answering
from tests.flow.town import REPOSITORY, square
from tests.sandbox.harness import Client, as_user

pytestmark = [pytest.mark.skipif(not PRESENT, reason=REASON), pytest.mark.slow]
FILE = "manifests/prod/kustomization.yaml"
CONFIG = """\
managers: [{{name: update, enabled: false}}, {{name: provenance, enabled: false}}]
service: {{inputs: [serve.py], wsgi: "serve:app", ready: /readyz, version: /version}}
deploy: {{image: "{image}", overlay: manifests/prod, url: "{url}", patience_minutes: 1}}
"""


@dataclass
class Realm:
    """The repository, and a cluster that runs the image that it declares."""

    registry: Registry
    client: Client
    ada: Person
    commit: str = ""

    @property
    def image(self) -> str:
        return f"{self.registry.host}/ada/digits"

    def environment(self, name: str) -> dict[str, str]:
        """The variables that an image sets, as a client that pulls it from the registry reads them."""
        told = self.registry.manifest(name).get("Env")
        assert isinstance(told, list)
        return dict(line.split("=", 1) for line in told)

    async def control(self) -> None:
        """What a GitOps controller does: look at the branch again and again, and run what it declares."""
        while True:
            _, found = await self.client("GET", f"/repos/{REPOSITORY}/contents/{FILE}")
            digest = base64.b64decode(found["content"]).decode().split("digest: ")[1].split()[0]
            if digest != f"sha256:{'0' * 64}":
                self.commit = (await asyncio.to_thread(self.environment, f"{self.image}@{digest}"))["COMMIT"]
            await asyncio.sleep(0.5)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path / "registry")
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
async def realm(tmp_path: Path, registry: Registry) -> AsyncIterator[Realm]:
    (tmp_path / "base" / "etc").mkdir(parents=True)
    (tmp_path / "base" / "etc" / "os-release").write_text("ID=test\n")
    base = await asyncio.to_thread(registry.base, tmp_path / "base")
    async with AsyncExitStack() as stack:
        sandbox, settings, install = await stack.enter_async_context(square(tmp_path, {"README.md": "Digits"}))
        client = await stack.enter_async_context(as_user(sandbox, "ada"))
        there = Realm(registry, client, Person(client.session, sandbox.api_url, REPOSITORY))
        url = await stack.enter_async_context(serving(there))
        files: dict[str, bytes | str] = {
            "Pipfile.lock": '{"_meta": {}, "default": {}, "develop": {}}',
            "serve.py": "app = None\n",
            ".github/bolide.yaml": CONFIG.format(image=there.image, url=url),
            FILE: f"images:\n  - name: digits\n    newName: {there.image}\n    digest: sha256:{'0' * 64}\n",
        }
        await sandbox.push(REPOSITORY, "ada", files, "Serve")
        settings = replace(settings, base_image=base, allowed_hosts=frozenset({"127.0.0.1"}))
        bolide = await stack.enter_async_context(program.assemble(settings))
        await stack.enter_async_context(running.at_work(bolide))
        install()
        yield there


@asynccontextmanager
async def serving(there: Realm) -> AsyncIterator[str]:
    """The address at which the cluster answers as the commit of what it runs."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"commit": there.commit})

    async with answering(answer, begin(there)) as url:
        yield url


async def begin(there: Realm) -> None:
    """Control, once the file is there."""

    async def found() -> bool | None:
        status, _ = await there.client("GET", f"/repos/{REPOSITORY}/contents/{FILE}")
        return status == 200 or None

    await until(found, "the overlay", 60)
    await there.control()


async def test_a_commit_is_deployed_as_an_image_and_a_tags_is_delivered_on_request(realm: Realm) -> None:
    commit = await realm.ada.head()
    ended = await until(lambda: realm.ada.status(commit, "bolide"), "the deployment", 120)
    assert ended["state"] == "success", ended["description"]
    assert realm.commit == commit
    head = (await realm.ada.get("/commits/HEAD"))["commit"]["message"]
    assert head.startswith("Deploy sha256:")

    tag = {"ref": "refs/tags/v1.2.3", "sha": commit}
    await realm.client("POST", f"/repos/{REPOSITORY}/git/refs", tag)
    asked = {"title": "Deliver Container Image", "body": "For the customers.\n\nTag: 1.2.3\n"}
    _, issue = await realm.client("POST", f"/repos/{REPOSITORY}/issues", asked)

    async def delivered() -> str | None:
        bodies = [one["body"] for one in await realm.ada.get(f"/issues/{issue['number']}/comments")]
        assert not any("No image" in body for body in bodies), bodies
        return next((body for body in bodies if body.startswith("📦 **Delivered.**")), None)

    said = await until(delivered, "the image", 120)
    assert f"`{realm.image}:1.2.3`, made from {commit[:8]}" in said
    digest = next(word.strip("`") for word in said.split() if "@sha256:" in word)
    found = await asyncio.to_thread(realm.environment, digest)
    assert found == await asyncio.to_thread(realm.environment, f"{realm.image}:1.2.3")
    assert found["COMMIT"] == commit
    assert (await realm.ada.get(f"/issues/{issue['number']}"))["state"] == "closed"
    # Nothing but the declaration of before was committed.
    assert (await realm.ada.get("/commits/HEAD"))["commit"]["message"] == head

    _, unknown = await realm.client("POST", f"/repos/{REPOSITORY}/issues", {**asked, "body": "Tag: 9.9.9"})

    async def refused() -> str | None:
        bodies = [one["body"] for one in await realm.ada.get(f"/issues/{unknown['number']}/comments")]
        return bodies[0] if bodies else None

    assert "There is no tag `9.9.9`" in await until(refused, "the refusal", 30)
