"""A cluster with Tekton, small enough for a test: it keeps what it is told, and runs each step as a process."""

import asyncio
import json
import os
import secrets
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

NAMESPACE = "bolide-stages"
PARAMETER = "$(params."
PYTHON = Path(sys.executable).resolve()
"""The image's Python: none of the packages of the tests is there."""


@dataclass
class Bucket:
    """An object store that gives and takes by links: whoever has the link needs no password."""

    url: str = ""
    held: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, tuple[str, str]] = field(default_factory=dict)

    async def get(self, name: str) -> bytes | None:
        return self.held.get(name)

    async def put(self, name: str, content: bytes) -> None:
        self.held[name] = content

    async def link(self, name: str, method: Literal["GET", "PUT"], seconds: int) -> str:
        assert seconds > 0
        key = secrets.token_hex(8)
        self.links[key] = (method, name)
        return f"{self.url}/bucket/{name}?key={key}"

    async def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self.links.get(request.query.get("key", "")) != (request.method, name):
            return web.Response(status=403)
        if request.method == "PUT":
            self.held[name] = await request.read()
            return web.Response()
        return web.Response(body=self.held[name])


@dataclass
class TinyTekton:
    """The API server and the controller; `token` is asked of everybody."""

    root: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    installed: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Pipelines and Tasks by name, for runs that refer to them."""
    task_runs: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    bucket: Bucket = field(default_factory=Bucket)
    images: dict[str, tuple[str, Path]] = field(default_factory=dict)
    """Image → its Python, and what lies in it at /srv/source; of others the Python has no packages."""
    asked: list[str] = field(default_factory=list)
    down: int = 0
    """How many of the next requests are answered by 503."""
    slowly: bool = False
    """Whether runs wait until they are cancelled."""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _version: int = 0
    _work: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def application(self) -> web.Application:
        application = web.Application(client_max_size=2**28, middlewares=[self._guard])
        runs = f"/apis/tekton.dev/v1/namespaces/{NAMESPACE}/pipelineruns"
        route = application.router
        route.add_post(runs, self._create)
        route.add_get(runs, self._watch)
        route.add_get(runs + "/{name}", self._read)
        route.add_patch(runs + "/{name}", self._patch)
        route.add_delete(runs + "/{name}", self._delete)
        route.add_get(f"/apis/tekton.dev/v1/namespaces/{NAMESPACE}/taskruns", self._list_task_runs)
        route.add_get(f"/api/v1/namespaces/{NAMESPACE}/pods/{{pod}}/log", self._log)
        route.add_route("*", "/bucket/{name:.+}", self.bucket.answer)
        return application

    async def close(self) -> None:
        for work in self._work.values():
            work.cancel()
        await asyncio.gather(*self._work.values(), return_exceptions=True)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.path.startswith("/bucket/"):
            answer: web.StreamResponse = await handler(request)
            return answer
        self.asked.append(f"{request.method} {request.path.rsplit('/', 1)[-1]}")
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _status(401, "Unauthorized")
        if self.down:
            self.down -= 1
            return _status(503, "the server is currently unable to handle the request")
        passed: web.StreamResponse = await handler(request)
        return passed

    async def _create(self, request: web.Request) -> web.Response:
        document = json.loads(await request.text())
        name = document["metadata"]["name"]
        if (document["apiVersion"], document["kind"]) != ("tekton.dev/v1", "PipelineRun"):
            return _status(400, "no PipelineRun of tekton.dev/v1")
        if name in self.runs:
            return _status(409, f'pipelineruns.tekton.dev "{name}" already exists')
        try:
            tasks = self._resolved(document)
        except KeyError as problem:
            return _status(400, f"admission webhook denied the request: {problem} is missing")
        self.runs[name] = document
        await self._touch(name)
        self._work[name] = asyncio.create_task(self._carry_out(name, tasks))
        return web.json_response(document, status=201)

    async def _read(self, request: web.Request) -> web.Response:
        found = self.runs.get(request.match_info["name"])
        return web.json_response(found) if found else _status(404, "not found")

    async def _patch(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/merge-patch+json"
        name = request.match_info["name"]
        if name not in self.runs:
            return _status(404, "not found")
        if _ended(self.runs[name]):
            return _status(400, "admission webhook denied the request: once the PipelineRun is complete, no updates")
        self.runs[name]["spec"] |= json.loads(await request.text())["spec"]
        self._work[name].cancel()
        await asyncio.gather(self._work[name], return_exceptions=True)
        await self._settle(name, "False", "Cancelled", f'PipelineRun "{name}" was cancelled')
        return web.json_response(self.runs[name])

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.runs:
            return _status(404, "not found")
        self._work[name].cancel()
        del self.runs[name]
        self.task_runs = [run for run in self.task_runs if run["metadata"]["labels"]["tekton.dev/pipelineRun"] != name]
        return web.json_response({"status": "Success"})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return web.json_response({"items": [*self.runs.values()][: int(request.query["limit"])]})
        name = request.query["fieldSelector"].removeprefix("metadata.name=")
        response = web.StreamResponse()
        await response.prepare(request)
        seen = int(request.query["resourceVersion"])
        while name in self.runs:
            async with self._changed:
                while self._version <= seen:
                    await self._changed.wait()
                seen = self._version
            event = {"type": "MODIFIED", "object": self.runs.get(name, {})}
            await response.write(json.dumps(event).encode() + b"\n")
        return response

    async def _list_task_runs(self, request: web.Request) -> web.Response:
        key, _, name = request.query["labelSelector"].partition("=")
        return web.json_response({"items": [r for r in self.task_runs if r["metadata"]["labels"].get(key) == name]})

    async def _log(self, request: web.Request) -> web.Response:
        lines = self.logs[f"{request.match_info['pod']}/{request.query['container']}"].splitlines()
        return web.Response(text="\n".join(lines[-int(request.query["tailLines"]) :]))

    def _resolved(self, run: dict[str, Any]) -> list[dict[str, Any]]:
        """The pipeline's tasks with their specifications; KeyError for a parameter or a reference that is missing."""
        spec = run["spec"].get("pipelineSpec") or self.installed[run["spec"]["pipelineRef"]["name"]]["spec"]
        given = {one["name"]: one["value"] for one in run["spec"]["params"]}
        known = {one["name"]: given.get(one["name"], one.get("default")) for one in spec["params"]}
        if absent := [name for name, value in known.items() if value is None] + [*(given.keys() - known.keys())]:
            raise KeyError(absent[0])
        tasks = []
        for task in spec["tasks"]:
            inner = task.get("taskSpec") or self.installed[task["taskRef"]["name"]]["spec"]
            tasks.append({**task, "taskSpec": inner, "given": known})
        return tasks

    async def _carry_out(self, name: str, tasks: list[dict[str, Any]]) -> None:
        if self.slowly:
            await asyncio.Event().wait()
        done: set[str] = set()
        for task in tasks:
            assert set(task.get("runAfter", ())) <= done
            done.add(task["name"])
            if not all(_holds(guard, task["given"]) for guard in task.get("when", ())):
                continue
            if not await self._run_task(name, task):
                await self._settle(name, "False", "Failed", f"Tasks Completed: {len(done)}, Failed: 1")
                return
        await self._settle(name, "True", "Succeeded", f"Tasks Completed: {len(done)}")

    async def _run_task(self, name: str, task: dict[str, Any]) -> bool:
        values = {one["name"]: _filled(one["value"], task["given"]) for one in task["params"]}
        assert set(values) == {one["name"] for one in task["taskSpec"]["params"]}
        begun, pod = datetime.now(UTC), f"{name}-{task['name']}-pod"
        code, ended = 0, []
        for step in task["taskSpec"]["steps"]:
            if not code:  # those after one that failed are not begun, and end as it did
                code, self.logs[f"{pod}/step-{step['name']}"] = await self._run_step(name, step, values)
            how = {"exitCode": code, "reason": "Error" if code else "Completed"}
            ended.append({"name": step["name"], "container": f"step-{step['name']}", "terminated": how})
        condition = {"type": "Succeeded", "status": "False" if code else "True"}
        self.task_runs.append(
            {
                "metadata": {
                    "name": f"{name}-{task['name']}",
                    "labels": {"tekton.dev/pipelineRun": name, "tekton.dev/pipelineTask": task["name"]},
                },
                "status": {
                    "podName": pod,
                    "startTime": begun.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "completionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "conditions": [condition],
                    "steps": ended,
                },
            }
        )
        return code == 0

    async def _run_step(self, name: str, step: dict[str, Any], values: dict[str, str]) -> tuple[int, str]:
        root = self.root / name
        for folder in ("source", "model", "evidence"):
            (root / folder).mkdir(parents=True, exist_ok=True)

        python, srv = self.images.get(_filled(step["image"], values), (str(PYTHON), Path("/srv/source")))

        def placed(text: str) -> str:
            return _filled(text, values).replace("/workspace", str(root)).replace("/srv/source", str(srv))

        environ = {one["name"]: placed(one["value"]) for one in step["env"]}
        environ |= {"PATH": os.defpath, "WORKSPACES": str(root), "LANG": "C.UTF-8"}
        if script := step.get("script"):
            assert PARAMETER not in script, "a parameter would be put into the script"
            (root / "script").write_text(script)
            command = [python, str(root / "script")]
        else:
            command = [python if word == "python3" else word for word in step["command"]]
        folder = placed(step.get("workingDir", "/workspace"))
        process = await asyncio.create_subprocess_exec(
            *command, cwd=folder, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    async def _settle(self, name: str, status: str, reason: str, message: str) -> None:
        condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
        self.runs[name]["status"] = {"conditions": [condition]}
        await self._touch(name)

    async def _touch(self, name: str) -> None:
        async with self._changed:
            self._version += 1
            self.runs[name]["metadata"]["resourceVersion"] = str(self._version)
            self._changed.notify_all()


def _ended(run: dict[str, Any]) -> bool:
    return bool(run.get("status"))


def _holds(guard: dict[str, Any], given: dict[str, str]) -> bool:
    found: bool = _filled(guard["input"], given) in guard["values"]
    return found is (guard["operator"] == "in")


def _filled(text: str, given: dict[str, str]) -> str:
    for name, value in given.items():
        text = text.replace(f"{PARAMETER}{name})", value)
    assert "$(" not in text, f"{text} names a parameter that is not declared"
    return text


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "status": "Failure", "message": message, "code": code}, status=code)


@asynccontextmanager
async def tiny_tekton(root: Path, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[TinyTekton, str]]:
    """The cluster and its API's address, on loopback."""
    cluster = TinyTekton(root)
    runner = web.AppRunner(cluster.application(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    port = runner.addresses[0][1]
    cluster.bucket.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield cluster, cluster.bucket.url
    finally:
        await cluster.close()
        await runner.cleanup()
