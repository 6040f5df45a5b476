"""Pods on this machine: rendered manifests played by podman, and the images that they name built as Bolide does."""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.core.pipelineruns import RunEnded, TaskEnded
from tests.contract.registry import PRESENT, REASON

ROOT = Path(__file__).parents[2]
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
NEEDED = ("podman", "runc", "mmdebstrap")
PACKAGES = "python3.11,python3-minimal,ca-certificates,libstdc++6,base-files,dash,coreutils,util-linux"
ENGINE = """\
[containers]
default_ulimits=["nofile=20000:20000","nproc=8192:8192"]
netns="host"
[engine]
runtime="runc"
cgroup_manager="cgroupfs"
events_logger="file"
"""
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")

marks = [
    pytest.mark.slow,
    pytest.mark.network,
    pytest.mark.enable_socket,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PRESENT, reason=REASON),
    pytest.mark.skipif(
        not all(map(shutil.which, NEEDED)) or os.geteuid() != 0, reason=f"needs {', '.join(NEEDED)}, and to be root"
    ),
]


class Podman:
    """`podman` with storage of its own."""

    def __init__(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="pod-"))  # podman takes no longer path than 50 characters
        self.folder, configuration = folder, folder / "containers.conf"
        configuration.write_text(ENGINE)
        self._environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "CONTAINERS_CONF": str(configuration)}
        storage = ["--root", str(folder / "s"), "--runroot", str(folder / "r"), "--storage-driver", "vfs"]
        self._podman = ["podman", *storage]

    def run(self, *arguments: str, expect: int = 0) -> str:
        """What the command says, standard error too, as it ends with the expected status."""
        done = subprocess.run(
            [*self._podman, *arguments],
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=280,
        )
        assert done.returncode == expect, done.stdout[-4000:]
        return done.stdout

    def play(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Start the pods of the documents."""
        place = self.folder / "played.yaml"
        place.write_text(yaml.safe_dump_all(documents))
        self.run("kube", "play", "--tls-verify=false", str(place))

    def down(self) -> None:
        """End the pods that were played last; their claimed volumes stay."""
        self.run("kube", "down", str(self.folder / "played.yaml"))

    def remove(self) -> None:
        """End all pods and remove everything."""
        self.run("pod", "rm", "--force", "--all")
        shutil.rmtree(self.folder, ignore_errors=True)


class PodmanRuns:
    """`PipelineRuns` of one task: its steps are the containers of a pod, one after the other, as Tekton has them."""

    def __init__(self, podman: Podman) -> None:
        self._podman = podman

    async def create(self, document: Mapping[str, Any]) -> bool:
        await asyncio.to_thread(self._podman.play, [pod_of(document)])
        return True

    async def end(self, name: str) -> RunEnded:
        code = (await asyncio.to_thread(self._podman.run, "wait", f"{name}-keep")).strip()
        said = await asyncio.to_thread(self._podman.run, "logs", f"{name}-keep")
        return RunEnded(code == "0", "Ended", code, (TaskEnded("examine", code == "0", 0.0, said),))

    async def cancel(self, name: str) -> None:
        await self.remove(name)

    async def remove(self, name: str) -> None:
        await asyncio.to_thread(self._podman.run, "pod", "rm", "--force", name)


def pod_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """The pod that Tekton makes of a run of one task, without what Tekton itself puts into it."""
    (task,) = run["spec"]["pipelineSpec"]["tasks"]
    given = {one["name"]: one["value"] for one in run["spec"]["params"]}
    containers = []
    for step in task["taskSpec"]["steps"]:
        told = {key: value for key, value in step.items() if key != "computeResources"}
        for name, value in given.items():
            told = json.loads(json.dumps(told).replace(f"$(params.{name})", value))
        containers.append({**told, "resources": step["computeResources"]})
    template = run["spec"]["taskRunTemplate"]["podTemplate"]
    *before, last = containers
    spec = {"initContainers": before, "containers": [last], "volumes": task["taskSpec"]["volumes"]}
    spec |= {"restartPolicy": "Never", "hostNetwork": True, "securityContext": template["securityContext"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": run["metadata"]["name"]}, "spec": spec}


def bootstrapped(base: Path) -> Path:
    """Debian's Python and what it needs, unpacked only: no script of a package runs; it trusts as this machine does."""
    base.mkdir(parents=True)
    command = ["mmdebstrap", "--quiet", "--variant=extract", f"--include={PACKAGES}", "bookworm", str(base)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    if AUTHORITIES.is_file():
        shutil.copy(AUTHORITIES, base / AUTHORITIES.relative_to("/"))
    return base


def playable(documents: Iterable[dict[str, Any]], secrets: Mapping[str, Path]) -> list[dict[str, Any]]:
    """The workloads and what podman 4 knows beside them, one pod of each on this machine's network.

    What it does not know is said in its words: a StatefulSet's claims beside it, secrets as folders of this machine.
    It maps ports on a bridge only, and asks a probe with a curl inside of the container, so these are left out.
    """
    made: list[dict[str, Any]] = []
    for document in documents:
        match document["kind"]:
            case "Deployment" | "StatefulSet":
                made += [*_claims(document), _one_pod(document, secrets)]
            case "ConfigMap":
                made.append(document)
    return sorted(made, key=lambda document: document["kind"])  # ConfigMap, Deployment, PersistentVolumeClaim


def _claims(workload: dict[str, Any]) -> list[dict[str, Any]]:
    claims = workload["spec"].pop("volumeClaimTemplates", ())
    volumes = workload["spec"]["template"]["spec"].setdefault("volumes", [])
    for claim in claims:
        name = claim["metadata"]["name"]
        volumes.append({"name": name, "persistentVolumeClaim": {"claimName": name}})
    return [{"apiVersion": "v1", "kind": "PersistentVolumeClaim", **claim} for claim in claims]


def _one_pod(workload: dict[str, Any], secrets: Mapping[str, Path]) -> dict[str, Any]:
    workload |= {"apiVersion": "apps/v1", "kind": "Deployment"}
    workload["spec"]["replicas"] = 1
    pod = workload["spec"]["template"]["spec"]
    pod["hostNetwork"] = True
    for container in pod["containers"]:
        for name in ("ports", *PROBES):
            container.pop(name, None)
    for volume in pod["volumes"]:
        if secret := volume.pop("secret", None):
            volume["hostPath"] = {"path": str(secrets[secret["secretName"]]), "type": "Directory"}
    return workload


def asked(url: str, body: object = None) -> Any:
    """What a service on loopback answers."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        return json.load(answer)
