"""The service's image, made as a merge makes it, runs in a real container from the manifests themselves."""

import asyncio
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.buildah import Buildah
from bot.adapters.environments import Environments, own_uv
from bot.core import lockfile, repoconfig
from bot.core.image import ImageSpec
from bot.core.kustomize import set_image_digest
from bot.pipelines.image import Parts, publish
from tests.contract.registry import Registry
from tests.contract.s3 import free_port
from tests.kubectl import rendered
from tests.manifests.pods import ROOT, Podman, asked, bootstrapped, marks, playable
from tests.training.workshop import dismantle, trained

pytestmark = [*marks, pytest.mark.training]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as registry:
        yield registry


@pytest.fixture
def model() -> Iterator[Path]:
    yield trained().model
    dismantle()


async def pushed(registry: Registry, folder: Path, model: Path) -> str:
    """The digest of the service's image in the registry."""
    base = registry.base(bootstrapped(folder / "base"))
    service = repoconfig.parse((ROOT / repoconfig.PATH).read_text()).service
    assert service
    wanted = lockfile.requirements(lockfile.parse((ROOT / "Pipfile.lock").read_text()), service.categories)
    environments = Environments(folder / "environments", uv=own_uv(), python=Path(sys.executable))
    installed = await environments.install(wanted)
    spec = ImageSpec(base, ("python3.11", *service.serve[1:]), {"COMMIT": "c" * 40}, model=True)
    parts = Parts(spec, installed.path, ROOT, service.inputs, model)
    buildah = Buildah(folder / "buildah")
    return await publish(buildah, parts, folder / "context", f"{registry.host}/bolide/digits", "test")


def production(folder: Path, registry: Registry, digest: str, port: int) -> list[dict[str, Any]]:
    """The production overlay with this image, as kustomize renders it; on the host's network the port is free."""
    manifests = folder / "manifests"
    shutil.copytree(ROOT / "manifests" / "app", manifests)
    overlay = manifests / "overlays" / "prod" / "kustomization.yaml"
    text = set_image_digest(overlay.read_text(), "digits", digest)
    overlay.write_text(text.replace("registry.example.org", registry.host))
    documents = playable(rendered(overlay.parent), {})
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "PORT", "value": str(port)}]
    return documents


async def test_the_image_of_a_merge_answers_from_a_pod(tmp_path: Path, registry: Registry, model: Path) -> None:
    port, podman = free_port(), Podman()
    digest = await pushed(registry, tmp_path, model)
    try:
        await asyncio.to_thread(podman.play, production(tmp_path, registry, digest, port))
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                assert (await asyncio.to_thread(asked, f"{url}/readyz"))["ready"]
                break
            except OSError:
                assert time.monotonic() < deadline, podman.run("logs", "digits-pod-0-app")
                await asyncio.sleep(0.3)
        assert (await asyncio.to_thread(asked, f"{url}/version"))["commit"] == "c" * 40
        golden = json.loads((model / "golden.json").read_text())
        for pixels, label in zip(golden["inputs"], golden["labels"], strict=True):
            assert (await asyncio.to_thread(asked, f"{url}/predict", {"inputs": pixels}))["prediction"] == label
        look = "import os; print(os.getuid(), os.listdir('/srv/packages'))"
        inside = podman.run("exec", "digits-pod-0-app", "python3.11", "-c", look)
        assert inside.startswith("10001 ")
        assert "tensorflow" not in inside
    finally:
        podman.remove()
