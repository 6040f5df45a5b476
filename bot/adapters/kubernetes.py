"""PipelineRuns through the Kubernetes API: created, watched to their end, cancelled; with a failing step's log."""

# ruff: noqa: D102 - the contract stands on bot.core.pipelineruns

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from bot.core.pipelineruns import ClusterRefused, ClusterUnavailable, RunEnded, TaskEnded

API = "apis/tekton.dev/v1"
TAIL_LINES = 40
LATER = 30.0
"""Seconds after which a cluster that is away is asked again."""
WATCH_SECONDS = 240
_TIMEOUT = aiohttp.ClientTimeout(total=WATCH_SECONDS + 30, connect=10, sock_read=WATCH_SECONDS + 15)
_LOOKS = 120
_LONGEST_LINE = 2**22


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster's API is; the token is read anew for each request, since the cluster renews it."""

    url: str
    namespace: str
    token_file: Path
    ca_file: Path | None = None


class KubernetesPipelineRuns:
    """`PipelineRuns` in one name space of a cluster with Tekton."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self._cluster, self._session = cluster, session
        self._runs = f"{API}/namespaces/{cluster.namespace}/pipelineruns"

    async def create(self, document: Mapping[str, Any]) -> bool:
        status, answer = await self._ask("POST", self._runs, json=document)
        if status == 409:
            return False
        self._require(status, answer, (200, 201, 202), "create a PipelineRun")
        return True

    async def end(self, name: str) -> RunEnded:
        while True:
            status, run = await self._ask("GET", f"{self._runs}/{name}")
            self._require(status, run, (200,), f"read the PipelineRun {name}")
            condition = _condition(run)
            if condition and condition["status"] != "Unknown":
                return await self._ended(name, condition)
            await self._await_change(name, str(run["metadata"].get("resourceVersion", "")))

    async def look(self) -> None:
        """Return where the runs may be seen. Raises ClusterUnavailable and ClusterRefused."""
        status, answer = await self._ask("GET", self._runs, params={"limit": "1"})
        self._require(status, answer, (200,), "list PipelineRuns")

    async def cancel(self, name: str) -> None:
        patch = {"Content-Type": "application/merge-patch+json"}
        body = json.dumps({"spec": {"status": "Cancelled"}})
        status, answer = await self._ask("PATCH", f"{self._runs}/{name}", data=body, headers=patch)
        if status == 400:  # the run has ended, and Tekton's webhook lets nothing change then
            return
        self._require(status, answer, (200, 404), f"cancel the PipelineRun {name}")

    async def remove(self, name: str) -> None:
        status, answer = await self._ask("DELETE", f"{self._runs}/{name}", params={"propagationPolicy": "Foreground"})
        self._require(status, answer, (200, 202, 404), f"delete the PipelineRun {name}")
        for _ in range(_LOOKS):
            if (await self._ask("GET", f"{self._runs}/{name}"))[0] == 404:
                return
            await asyncio.sleep(0.5)
        raise ClusterUnavailable(f"The PipelineRun {name} is being deleted still.", LATER)

    async def _await_change(self, name: str, version: str) -> None:
        """Return when the run may have ended: an event says so, or the watch is over and must be begun anew."""
        watch = {"watch": "1", "fieldSelector": f"metadata.name={name}", "timeoutSeconds": str(WATCH_SECONDS)}
        async with self._requested("GET", self._runs, params={**watch, "resourceVersion": version}) as answer:
            if answer.status != 200:
                await asyncio.sleep(1)
                return
            async for line in answer.content:
                event = json.loads(line)
                condition = _condition(event.get("object", {}))
                if event.get("type") in ("DELETED", "ERROR") or (condition and condition["status"] != "Unknown"):
                    return

    async def _ended(self, name: str, condition: Mapping[str, Any]) -> RunEnded:
        path = f"{API}/namespaces/{self._cluster.namespace}/taskruns"
        status, found = await self._ask("GET", path, params={"labelSelector": f"tekton.dev/pipelineRun={name}"})
        self._require(status, found, (200,), f"list the TaskRuns of {name}")
        begun = sorted(found.get("items", ()), key=lambda run: str(run.get("status", {}).get("startTime", "")))
        tasks = [await self._task(run) for run in begun]
        succeeded = condition["status"] == "True"
        return RunEnded(succeeded, str(condition.get("reason", "")), str(condition.get("message", "")), tuple(tasks))

    async def _task(self, run: Mapping[str, Any]) -> TaskEnded:
        status, condition = run.get("status", {}), _condition(run)
        name = str(run["metadata"]["labels"].get("tekton.dev/pipelineTask", run["metadata"]["name"]))
        seconds = _seconds(status.get("startTime"), status.get("completionTime"))
        if condition and condition["status"] == "True":
            return TaskEnded(name, succeeded=True, seconds=seconds)
        failed = [step for step in status.get("steps", ()) if step.get("terminated", {}).get("exitCode")]
        tail = await self._log(str(status.get("podName", "")), failed[0]["container"]) if failed else ""
        return TaskEnded(name, succeeded=False, seconds=seconds, log_tail=tail)

    async def _log(self, pod: str, container: str) -> str:
        path = f"api/v1/namespaces/{self._cluster.namespace}/pods/{pod}/log"
        asked = {"container": container, "tailLines": str(TAIL_LINES)}
        async with self._requested("GET", path, params=asked) as answer:
            return (await answer.text(errors="replace"))[-20_000:] if answer.status == 200 else ""

    async def _ask(self, method: str, path: str, **given: Any) -> tuple[int, dict[str, Any]]:
        async with self._requested(method, path, **given) as answer:
            document = json.loads(await answer.text())
            return answer.status, document if isinstance(document, dict) else {}

    @asynccontextmanager
    async def _requested(self, method: str, path: str, **given: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            token = await asyncio.to_thread(self._cluster.token_file.read_text)
            headers = {"Authorization": f"Bearer {token.strip()}", **given.pop("headers", {})}
            url = f"{self._cluster.url}/{path}"
            # A redirect could carry the token elsewhere.
            async with self._session.request(method, url, headers=headers, allow_redirects=False, **given) as answer:
                yield answer
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as problem:
            sentence = f"The cluster at {self._cluster.url} cannot be asked ({type(problem).__name__}): {problem}"
            raise ClusterUnavailable(f"{sentence}; look at the BOLIDE_KUBERNETES_… settings.", LATER) from None

    def _require(self, status: int, answer: Mapping[str, Any], wanted: tuple[int, ...], what: str) -> None:
        if status >= 500 or status == 429:
            raise ClusterUnavailable(f"The cluster at {self._cluster.url} answers {status}.", LATER)
        if status not in wanted:
            said = answer.get("message") or f"status {status}"
            raise ClusterRefused(f"The cluster does not let Bolide {what}: {said}. Look at manifests/pipeline/tekton.")


@asynccontextmanager
async def connect(cluster: Cluster) -> AsyncIterator[KubernetesPipelineRuns]:
    """The cluster's runs; its certificate is checked against `ca_file`, or the system's authorities without one."""
    trusted = ssl.create_default_context(cafile=str(cluster.ca_file) if cluster.ca_file else None)
    connector = aiohttp.TCPConnector(ssl=trusted)
    async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT, read_bufsize=_LONGEST_LINE) as session:
        yield KubernetesPipelineRuns(cluster, session)


def _condition(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The condition `Succeeded`: status True, False or Unknown; None before the controller has seen the run."""
    found = [one for one in run.get("status", {}).get("conditions", ()) if one.get("type") == "Succeeded"]
    return found[0] if found else None


def _seconds(begun: str | None, ended: str | None) -> float:
    if not begun or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
