"""The service's image, made as a merge makes it, runs in a real container from the manifests themselves."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.adapters.buildah import Buildah
from bot.adapters.environments import Environments, own_uv
from bot.core import image, lockfile, repoconfig
from bot.core.image import ImageSpec
from bot.core.kustomize import set_image_digest
from bot.pipelines.image import stage
from tests.contract.registry import PRESENT, REASON, Registry
from tests.contract.s3 import free_port
from tests.training.workshop import dismantle, trained

ROOT = Path(__file__).parents[2]
NEEDED = ("podman", "runc", "mmdebstrap", "kubectl")
PACKAGES = "python3.11,ca-certificates,libstdc++6,base-files"
ENGINE = """\
[containers]
default_ulimits=["nofile=20000:20000","nproc=8192:8192"]
netns="host"
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.enable_socket,
    pytest.mark.training,
    pytest.mark.skipif(not PRESENT, reason=REASON),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)) or os.geteuid() != 0, reason=f"needs {', '.join(NEEDED)}, and to be root"
    ),
]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry(tmp_path / "registry")
    registry.start()
    yield registry
    registry.stop()


@pytest.fixture
def model() -> Iterator[Path]:
    yield trained().model
    dismantle()


class Pod:
    """`podman kube play` with storage of its own."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="pod-"))  # podman takes no longer path than 50 characters
        self.folder, configuration = folder, folder / "containers.conf"
        configuration.write_text(ENGINE)
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "CONTAINERS_CONF": str(configuration)}
        storage = ["--root", str(folder / "s"), "--runroot", str(folder / "r"), "--storage-driver", "vfs"]
        self._podman = ["podman", *storage]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*self._podman, *arguments], env=self._environ, capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


def bootstrapped(base: Path) -> Path:
    """Debian's Python and what it needs, unpacked only: no script of a package runs."""
    base.mkdir()
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}", "bookworm", str(base)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    return base


async def pushed(registry: Registry, folder: Path, model: Path) -> str:
    """The digest of the service's image in the registry."""
    base = bootstrapped(folder / "base")
    service = repoconfig.parse((ROOT / repoconfig.PATH).read_text()).service
    assert service
    wanted = lockfile.requirements(lockfile.parse((ROOT / "Pipfile.lock").read_text()), service.categories)
    environments = Environments(folder / "environments", uv=own_uv(), python=Path(sys.executable))
    installed = await environments.install(wanted)
    stage(folder / "context", packages=installed.path, tree=ROOT, inputs=service.inputs, model=model)
    spec = ImageSpec(registry.base(base), ("python3.11", *service.serve[1:]), {"COMMIT": "c" * 40}, model=True)
    buildah = Buildah(folder / "buildah")
    made = await buildah.build(folder / "context", image.containerfile(spec))
    return await buildah.push(made, f"{registry.host}/bolide/digits", "test")


def rendered(folder: Path, registry: Registry, digest: str, port: int) -> str:
    """The production overlay with this image, as kustomize renders it; on the host's network the port is free."""
    manifests = folder / "manifests"
    shutil.copytree(ROOT / "manifests" / "app", manifests)
    overlay = manifests / "overlays" / "prod" / "kustomization.yaml"
    text = set_image_digest(overlay.read_text(), "digits", digest)
    overlay.write_text(text.replace("registry.example.org", registry.host))
    command = ["kubectl", "kustomize", str(overlay.parent)]
    documents = yaml.safe_load_all(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    # One pod, on the network of this machine: there is none of a cluster here.
    deployment["spec"]["replicas"] = 1
    deployment["spec"]["template"]["spec"]["hostNetwork"] = True
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    container["env"] = [{"name": "PORT", "value": str(port)}]
    # podman maps ports on a bridge only, and asks a probe with a curl inside of the container, which has none.
    for name in ("ports", "startupProbe", "readinessProbe", "livenessProbe"):
        del container[name]
    return yaml.safe_dump(deployment)


def asked(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        return json.load(answer)


async def test_the_image_of_a_merge_answers_from_a_pod(tmp_path: Path, registry: Registry, model: Path) -> None:
    port, pod = free_port(), Pod()
    digest = await pushed(registry, tmp_path, model)
    (tmp_path / "pod.yaml").write_text(rendered(tmp_path, registry, digest, port))
    await asyncio.to_thread(pod.run, "kube", "play", "--tls-verify=false", str(tmp_path / "pod.yaml"))
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                assert (await asyncio.to_thread(asked, f"{url}/readyz"))["ready"]
                break
            except OSError:
                assert time.monotonic() < deadline, pod.run("logs", "digits-pod-0-app")
                await asyncio.sleep(0.3)
        assert (await asyncio.to_thread(asked, f"{url}/version"))["commit"] == "c" * 40
        golden = json.loads((model / "golden.json").read_text())
        for pixels, label in zip(golden["inputs"], golden["labels"], strict=True):
            assert (await asyncio.to_thread(asked, f"{url}/predict", {"inputs": pixels}))["prediction"] == label
        look = "import os; print(os.getuid(), os.listdir('/srv/packages'))"
        inside = pod.run("exec", "digits-pod-0-app", "python3.11", "-c", look)
        assert inside.startswith("10001 ")
        assert "tensorflow" not in inside
    finally:
        pod.run("pod", "rm", "--force", "--all")
        shutil.rmtree(pod.folder, ignore_errors=True)
