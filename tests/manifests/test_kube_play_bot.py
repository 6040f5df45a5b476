"""Bolide's own image runs in real containers from its manifests, on one machine and on many, beside a local GitHub."""

import asyncio
import contextlib
import json
import os
import platform
import shutil
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import yaml

from bot.__main__ import main
from bot.adapters.objects import S3Objects
from bot.core.evidence import Failure, Recipe, ServiceResult, verdict
from bot.demo.machinery import Keys, make_keys
from bot.demo.person import Person, Stuck, until
from bot.pipelines.podlaboratory import Outfit, PodLaboratory
from bot.sandbox import Sandbox
from bot.sandbox.entities import App
from tests.adapters.test_laboratory import FIXTURE, lock, tarball
from tests.contract.postgres import FOUND, serving
from tests.contract.registry import Registry
from tests.contract.s3 import S3Server, free_port
from tests.kubectl import rendered
from tests.manifests.pods import ROOT, Podman, PodmanRuns, bootstrapped, marks, playable
from tests.sandbox.harness import Client, as_user, judged_sandbox
from tests.service.letters import envelope, sign

pytestmark = marks
REPOSITORY = "ada/digits"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry") / "served") as registry:
        yield registry


@pytest.fixture(scope="module")
def image(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name by digest of the bot's image, made by the command that an operator gives."""
    folder = tmp_path_factory.mktemp("image")
    base, told = registry.base(bootstrapped(folder / "base")), folder / "told"
    with pytest.MonkeyPatch.context() as around, told.open("w") as output, contextlib.redirect_stdout(output):
        around.setenv("BOLIDE_STATE_DIR", str(folder / "state"))
        name = f"{registry.host}/bolide/bolide"
        assert main(["image", "bot", name, str(ROOT), "--base", base, "--record", str(folder / "record")]) == 0
    packages = [one["name"] for one in json.loads((folder / "record" / "sbom.json").read_text())["components"]]
    assert "aiohttp" in packages
    assert "tensorflow" not in packages
    return told.read_text().strip()


@dataclass
class Site:
    """An operator's own overlay over one of Bolide's, the Secrets that belong to it, and the GitHub that it serves."""

    sandbox: Sandbox
    app: App
    client: Client
    keys: Keys
    folder: Path
    port: int

    def documents(self, overlay: str, image: str, settings: Mapping[str, str]) -> list[dict[str, Any]]:
        """What podman is given: the overlay with this image and these settings, and the Secrets as folders."""
        told = {"GITHUB_API_URL": self.sandbox.api_url, "GITHUB_APP_ID": str(self.app.id), **settings}
        told |= {"BOLIDE_HOST": "127.0.0.1", "BOLIDE_PORT": str(self.port), "BOLIDE_SERVICE_PORT": str(free_port())}
        name, _, digest = image.partition("@")
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bolide"}, "data": told}
        place = self.folder / "manifests"
        shutil.copytree(ROOT / "manifests" / "bot", place)
        (place / "site").mkdir()
        kustomization = {
            "resources": [f"../overlays/{overlay}"],
            "namespace": "bolide",
            "patches": [{"patch": yaml.safe_dump(config)}],
            "images": [{"name": "registry.example.org/bolide/bolide", "newName": name, "digest": digest}],
        }
        (place / "site" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
        return playable(rendered(place / "site"), self.secrets())

    def secrets(self) -> dict[str, Path]:
        """As a cluster would mount them: for the pod's group to read."""
        folders = {"bolide": self.folder / "app", "bolide-database": self.folder / "database"}
        for folder in folders.values():
            for path in (folder, *folder.iterdir()):
                os.chown(path, 0, 10001)
                path.chmod(0o750 if path.is_dir() else 0o440)
        return folders

    async def until_ready(self, podman: Podman, *containers: str) -> None:
        """Return when the web server says that it is ready; fails with what the containers said."""
        try:
            await until(self._ready, "readiness", 90)
        except Stuck:
            logs = [await asyncio.to_thread(podman.run, "logs", name) for name in containers]
            raise AssertionError("\n".join(logs)) from None

    async def _ready(self) -> bool | None:
        with contextlib.suppress(aiohttp.ClientError):
            async with self.client.session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
                return (await answer.json())["ready"] or None
        return None

    async def deliver(self, number: str) -> tuple[int, bool]:
        """Post a signed delivery of this id; the status, and whether it was new."""
        body = b'{"zen": "Design for failure."}'
        headers = envelope(body, "ping", x_github_delivery=number, x_hub_signature_256=sign(body, self.keys.secret))
        url = f"http://127.0.0.1:{self.port}/webhook"
        async with self.client.session.post(url, data=body, headers=headers) as answer:
            return answer.status, (await answer.json())["new"]

    async def helped(self) -> None:
        """Return when the bot has answered `/help` on a new issue, which GitHub's own delivery told it of."""
        ada = Person(self.client.session, self.sandbox.api_url, REPOSITORY)
        issue = await ada.open_issue("A question")
        await self.client("POST", f"/repos/{REPOSITORY}/issues/{issue}/comments", {"body": "/help"})

        async def answered() -> bool | None:
            said = await ada.get(f"/issues/{issue}/comments")
            return any(comment["user"]["login"] == "bolide[bot]" for comment in said) or None

        await until(answered, "an answer", 60)


@contextlib.asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    keys, port = make_keys(folder / "keys"), free_port()
    for name in ("app", "database"):
        (folder / name).mkdir()
    shutil.copy(keys.private_key_file, folder / "app" / "private-key.pem")
    shutil.copy(keys.secret_file, folder / "app" / "webhook-secret")
    async with judged_sandbox(folder / "github") as sandbox:
        await sandbox.create_repository(REPOSITORY, {"README.md": "Digits"})
        app = sandbox.register_app("bolide", "ada", keys.public_key, f"http://127.0.0.1:{port}/webhook", keys.secret)
        async with as_user(sandbox, "ada") as client:
            yield Site(sandbox, app, client, keys, folder, port)


@pytest.fixture
def podman() -> Iterator[Podman]:
    podman = Podman()
    yield podman
    podman.remove()


async def test_one_machine_keeps_deliveries_over_a_new_pod(tmp_path: Path, image: str, podman: Podman) -> None:
    name, number = "bolide-pod-0-bot", str(uuid4())
    async with site(tmp_path) as here:
        documents = here.documents("one-machine", image, {})
        await asyncio.to_thread(podman.play, documents)
        await here.until_ready(podman, name)
        assert await here.deliver(number) == (202, True)
        here.sandbox.install_app(here.app, REPOSITORY)
        await here.helped()
        look = "import os; print(os.getuid()); open('/srv/source/x', 'w')"
        inside = await asyncio.to_thread(podman.run, "exec", name, "python3", "-c", look, expect=1)
        assert inside.startswith("10001\n")
        assert "Read-only file system" in inside

        # The pod goes with all that it had, but for the volume that it claimed; another takes its place.
        await asyncio.to_thread(podman.down)
        again = [document for document in documents if document["kind"] != "PersistentVolumeClaim"]
        await asyncio.to_thread(podman.play, again)
        await here.until_ready(podman, name)
        assert await here.deliver(number) == (202, False)
        await here.helped()


async def test_locks_are_tried_out_in_a_pod_of_bolides_own_image(image: str, podman: Podman) -> None:
    """With real packages, a real store, and nothing of this machine but its network."""
    store = S3Server()
    await asyncio.to_thread(store.start)
    try:
        keys = {"key_id": store.key_id, "secret": store.secret, "region": "us-east-1"}
        objects = S3Objects(endpoint=store.endpoint, bucket="models", patience=10, **keys)
        laboratory = PodLaboratory(PodmanRuns(podman), objects, Outfit(image, platform.python_version()))
        locks = (lock("flask-2.2.5-exporter-0.22.4"), lock("flask-2.3.2-exporter-0.18.7"))
        source = tarball({"app.py": (FIXTURE / "plain" / "app.py").read_text()}, top="ada-digits-abc1234/")
        before, after = await laboratory.examine_pair(source, *locks, Recipe(None, None))
    finally:
        store.remove()
    assert isinstance(before.service, ServiceResult)
    assert isinstance(after.service, Failure)
    assert (after.service.phase, after.service.culprit) == ("import", "prometheus_flask_exporter")
    assert (before.isolation, after.isolation) == ("pod", "pod")
    said = verdict(before, after)
    assert said.kind == "broken"
    assert said.remarks[-1].startswith("The code ran in a pod of its own")


@pytest.mark.skipif(FOUND is None, reason="needs PostgreSQL (apt install postgresql)")
async def test_on_many_machines_the_worker_answers_what_the_web_server_took(
    tmp_path: Path, image: str, podman: Podman
) -> None:
    port = free_port()
    with serving(port) as server:
        async with site(tmp_path) as here:
            url = f"postgresql://bolide@127.0.0.1:{port}/{server.database()}"
            (tmp_path / "database" / "url").write_text(url)
            await asyncio.to_thread(podman.play, here.documents("many-machines", image, {}))
            await here.until_ready(podman, "bolide-web-pod-0-bot", "bolide-worker-pod-0-bot")
            here.sandbox.install_app(here.app, REPOSITORY)
            await here.helped()
            assert "bolide-worker" in await asyncio.to_thread(podman.run, "ps", "--filter", "status=running")
            await asyncio.to_thread(podman.down)
