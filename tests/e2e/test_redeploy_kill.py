"""kill -9 of the bot at each step of a merge: the old version serves on, and in the end there is one deployment."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.core.texts import deployment
from bot.demo.machinery import Keys, make_keys
from bot.demo.person import Person, until
from bot.pipelines import control
from bot.sandbox import Sandbox, running_sandbox
from bot.sandbox.observation import Exchange
from bot.sandbox.server import Options
from tests.flow.town import free_port

CHECKOUT, REPOSITORY = Path(__file__).parents[2], "ada/digits"
CONFIG = """\
python: "3.11"
training:
  categories: [packages]
  inputs: [training]
  train: [python, -m, training.train]
  evaluate: [python, -c, "print('judged')"]
  gate: [python, -c, "print('may serve')"]
service:
  categories: [packages]
  inputs: [serve.py]
  wsgi: "none:none"
  serve: [python, serve.py]
  ready: /readyz
  version: /version
"""
TRAIN = """\
import hashlib, json, os, pathlib
folder = pathlib.Path(os.environ["MODEL_DIR"])
(folder / "model.tflite").write_bytes(CONTENT)
sha = hashlib.sha256(CONTENT).hexdigest()
(folder / "card.json").write_text(json.dumps({"model_id": sha[:16], "sha256": sha}))
"""
SERVE = """\
import http.server, json, os, pathlib, signal, socket, threading
card = json.loads(pathlib.Path(os.environ["MODEL_DIR"], "card.json").read_text())
body = json.dumps({"commit": os.environ["COMMIT"], "model": card["model_id"], "ready": True}).encode()

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)
    def address_string(self):
        return "somebody"

class Server(http.server.ThreadingHTTPServer):
    def __init__(self, descriptor):
        super().__init__(("", 0), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(fileno=descriptor)
        self.server_name, self.server_port = "digits", 0
    def get_request(self):
        connection, _ = self.socket.accept()
        connection.setblocking(True)
        return connection, ("", 0)

servers = [Server(3 + number) for number in range(int(os.environ["LISTEN_FDS"]))]
for server in servers:
    threading.Thread(target=server.serve_forever, args=(0.05,)).start()
signal.signal(signal.SIGTERM, lambda *_: [threading.Thread(target=server.shutdown).start() for server in servers])
"""
LOCK = json.dumps({"_meta": {"sources": [], "requires": {}}, "default": {}, "develop": {}})
STEPS = [
    (deployment.context(stage), "pending") for stage in ("train", "evaluate", "gate", "package", "deploy", "verify")
]
STEPS += [(deployment.CONTEXT, "success")]
BEFORE_THE_SWITCH = 4
"""So many of them come before the deployment."""


def files(version: int) -> dict[str, bytes | str]:
    train, serve = TRAIN.replace("CONTENT", f'b"model {version}"'), f"{SERVE}# {version}\n"
    return {"training/__init__.py": "", "training/train.py": train, "serve.py": serve}


@dataclass
class Assassin:
    """Kills the bot as GitHub answers it that a step's status is set, once for each step."""

    steps: list[tuple[str, str]] = field(default_factory=list)
    victim: asyncio.subprocess.Process | None = None
    killed: list[str] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        if not self.steps or not self.victim or not exchange.template.endswith("/statuses/{sha}"):
            return
        told = json.loads(exchange.request)
        if (told["context"], told["state"]) == self.steps[0]:
            self.killed.append(self.steps.pop(0)[0])
            self.victim.kill()


@dataclass
class Visitor:
    """Asks the service all the time; what it answered, in order, and what went wrong."""

    url: str
    commits: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    async def ask_on(self) -> None:
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            while True:
                try:
                    async with session.get(f"{self.url}/version") as answer:
                        self.commits.append((await answer.json())["commit"])
                except aiohttp.ClientError as problem:
                    self.failed.append(repr(problem))
                await asyncio.sleep(0.03)


@contextlib.asynccontextmanager
async def bot(environ: dict[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.e2e.merging_bot", cwd=CHECKOUT, env=environ, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


def environment(folder: Path, keys: Keys, app: int, sandbox: Sandbox, ports: tuple[int, int]) -> dict[str, str]:
    return {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ} | {
        "GITHUB_APP_ID": str(app),
        "GITHUB_PRIVATE_KEY_FILE": str(keys.private_key_file),
        "GITHUB_WEBHOOK_SECRET_FILE": str(keys.secret_file),
        "GITHUB_API_URL": sandbox.api_url,
        "BOLIDE_STATE_DIR": str(folder / "bot"),
        "BOLIDE_PORT": str(ports[0]),
        "BOLIDE_SERVICE_PORT": str(ports[1]),
        "BOLIDE_PROBATION_SECONDS": "1",
    }


@dataclass(frozen=True)
class Town:
    folder: Path
    environ: dict[str, str]
    sandbox: Sandbox
    ada: Person
    assassin: Assassin
    post: Callable[[str, dict[str, str]], Awaitable[Any]]

    @property
    def service(self) -> str:
        return f"http://127.0.0.1:{self.environ['BOLIDE_SERVICE_PORT']}"

    @contextlib.asynccontextmanager
    async def alive(self) -> AsyncIterator[asyncio.subprocess.Process]:
        async with bot(self.environ, self.folder / "bot.log") as process:
            self.assassin.victim = process
            yield process

    async def ended(self, sha: str) -> str:
        found = await until(lambda: self.ada.status(sha, deployment.CONTEXT), "the end of the run", 60)
        return f"{found['state']}: {found['description']}"

    async def merge(self, changes: dict[str, bytes | str]) -> str:
        head = await self.ada.head()
        branch = f"after-{head[:8]}"
        await self.post("/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
        await self.sandbox.push(REPOSITORY, "ada", changes, "Go on", branch)
        pull = await self.post("/pulls", {"title": "Go on", "head": branch, "base": "main"})
        return await self.ada.merge(pull["number"])


@contextlib.asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    assassin, keys, ports = Assassin(), make_keys(folder / "keys"), (free_port(), free_port())
    async with running_sandbox(folder / "github", 0, Options(observe_exchange=assassin)) as sandbox:
        seed: dict[str, bytes | str] = {".github/bolide.yaml": CONFIG, "Pipfile.lock": LOCK, **files(1)}
        await sandbox.create_repository(REPOSITORY, seed)
        hook = f"http://127.0.0.1:{ports[0]}/webhook"
        app = sandbox.register_app("bolide", "ada", keys.public_key, hook, keys.secret)
        sandbox.install_app(app, REPOSITORY)
        environ = environment(folder, keys, app.id, sandbox, ports)
        headers = {"Authorization": f"Bearer {sandbox.token('ada')}"}
        async with aiohttp.ClientSession(headers=headers) as session:

            async def post(path: str, body: dict[str, str]) -> Any:
                url = f"{sandbox.api_url}/repos/{REPOSITORY}{path}"
                async with session.post(url, json=body, raise_for_status=True) as answer:
                    return await answer.json()

            try:
                yield Town(folder, environ, sandbox, Person(session, sandbox.api_url, REPOSITORY), assassin, post)
            finally:
                with contextlib.suppress(control.NoSupervisor):
                    await control.Supervisor(folder / "bot" / "service").stop()


async def ready(port: str) -> bool | None:
    with contextlib.suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    return None


async def test_killed_at_every_step_the_old_version_serves_and_one_deployment_comes_out(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        async with here.alive():
            await until(lambda: ready(here.environ["BOLIDE_PORT"]), "the bot", 30)
            old = await here.merge(files(2))
            assert (await here.ended(old)).startswith("success")
            visitor = Visitor(here.service)
            asking = asyncio.create_task(visitor.ask_on())
            here.assassin.steps = list(STEPS)
            new = await here.merge(files(3))
            await _killed(here)
        for number in range(2, len(STEPS) + 1):
            async with here.alive():
                await _killed(here)
            if number <= BEFORE_THE_SWITCH:
                assert set(visitor.commits) == {old}
        async with here.alive():
            assert (await here.ended(new)).startswith("success")
            await until(lambda: _said(here), "the comment", 30)
        asking.cancel()
        assert here.assassin.killed == [context for context, _ in STEPS]
        assert visitor.failed == []
        assert [old, new] == list(dict.fromkeys(visitor.commits))
        assert visitor.commits[-1] == new
        made = [each for each in await here.ada.get("/deployments") if each["sha"] == new]
        assert len(made) == 1
        states = await here.ada.get(f"/deployments/{made[0]['id']}/statuses")
        assert states[0]["state"] == "success"


async def _killed(here: Town) -> None:
    assert here.assassin.victim
    assert await asyncio.wait_for(here.assassin.victim.wait(), 60) == -9


async def _said(here: Town) -> bool | None:
    pulls = await here.ada.get("/pulls?state=all")
    said = await here.ada.get(f"/issues/{max(pull['number'] for pull in pulls)}/comments")
    told = [comment for comment in said if deployment.COMMENT_KEY in comment["body"]]
    assert len(told) < 2
    return True if told else None
