"""Where merges are measured: a GitHub on this machine, the bot's process beside it, and a repository with a service."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.demo.machinery import beside, free_ports
from bot.demo.person import Person, until
from bot.demo.seed import checkout_files
from bot.sandbox.running import Sandbox, running_sandbox

CHECKOUT = Path(__file__).parents[1]
REPOSITORY, MAINTAINER = "ada/digits", "ada"
PATIENCE = 300.0
PROBATION = 10
"""Seconds, as where nothing is set."""
GIVEN = "training/given"
"""Where the repository holds the model that its training hands on."""
_SERVED = ("app/", "training/", "Pipfile.lock")
_LEFT_OUT = ("training/data/train-", "training/notebooks/")

# The network is fitted once, before the measurement: TensorFlow is not the point here. Evaluation and gate are real.
_TRAIN = """\
import os, pathlib, shutil
for path in pathlib.Path(__file__).with_name("given").iterdir():
    shutil.copy(path, os.environ["MODEL_DIR"])
"""
# The pictures of an evaluation need matplotlib, which only the environment with TensorFlow holds.
_PLOTS = """\
def nothing(*_):
    return b""
draw_confusion = draw_learning_curve = draw_misclassified = nothing
"""
_CONFIGURATION = """\
python: "3.11"
training:
  categories: [packages, app]
  inputs: [training]
  train: [python, -m, training.hand_on]
  evaluate: [python, -m, training.evaluate]
  gate: [python, -m, training.gate]
service:
  categories: [packages, app]
  inputs: [app]
  wsgi: "app:create_app()"
  serve: [python, -m, app.serve]
  ready: /readyz
  version: /version
  predict: /predict
"""


def fit(folder: Path) -> Path:
    """A model directory of the quick training, made where there is none yet."""
    if not (folder / "card.json").exists():
        environ = os.environ | {"MODEL_DIR": str(folder), "QUICK": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, "-m", "training.train"], cwd=CHECKOUT, env=environ, check=True)
    return folder


def given_files(model: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files of a model as the repository holds them."""
    return {f"{GIVEN}/{name}": content for name, content in model.items()}


def repository_files(model: Mapping[str, bytes]) -> dict[str, bytes | str]:
    """The checkout's service, evaluation and gate, with a training that hands the given model on."""
    kept = {
        name: content
        for name, content in checkout_files(CHECKOUT).items()
        if name.startswith(_SERVED) and not name.startswith(_LEFT_OUT)
    }
    made = {
        "training/hand_on.py": _TRAIN,
        "training/plots.py": _PLOTS,
        ".github/bolide.yaml": _CONFIGURATION,
        "README.md": "Digits.\n",
    }
    return {**kept, **made, **given_files(model)}


@dataclass(frozen=True, slots=True)
class Ended:
    """How the run of a merge ended: the state and words of its status, and seconds from the merge to that status."""

    sha: str
    state: str
    sentence: str
    seconds: float


@dataclass(slots=True)
class Site:
    """The repository, the person who merges, and where the bot writes its records."""

    sandbox: Sandbox
    person: Person
    service: str
    records: Path
    files: dict[str, bytes | str]
    pulls: int = 0

    async def propose(self, changes: Mapping[str, bytes | str], title: str) -> int:
        """The number of a new pull request with these changes of files."""
        self.pulls += 1
        branch, head = f"topic-{self.pulls}", await self.person.head()
        await self.person.post("/git/refs", {"ref": f"refs/heads/{branch}", "sha": head})
        await self.sandbox.push(REPOSITORY, MAINTAINER, changes, title, branch)
        opened = await self.person.post("/pulls", {"title": title, "head": branch, "base": "main"})
        return int(opened["number"])

    async def merge(self, changes: Mapping[str, bytes | str], title: str) -> Ended:
        """Propose and merge changes, and wait for the end of what that starts."""
        number = await self.propose(changes, title)
        begun = asyncio.get_running_loop().time()
        sha = await self.person.merge(number)
        return await self.ended(sha, begun)

    async def ended(self, sha: str, begun: float) -> Ended:
        """How the run of a commit ended; raises Stuck where nothing is said of it."""
        status = await until(lambda: self.person.status(sha, "bolide"), f"The end of {sha[:8]}", PATIENCE)
        seconds = asyncio.get_running_loop().time() - begun
        return Ended(sha, str(status["state"]), str(status["description"]), seconds)

    async def version(self) -> str | None:
        """The commit that the service answers, None where it does not answer."""
        with contextlib.suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as session, session.get(f"{self.service}/version") as answer:
                return str((await answer.json()).get("commit"))
        return None

    def record(self, sha: str) -> dict[str, Any]:
        """What the bot wrote down about a run."""
        path = self.records / f"{sha}.json"
        return dict(json.loads(path.read_text())) if path.exists() else {"state": "unknown", "stages": {}}

    def ran(self, sha: str) -> list[str]:
        """The stages of a commit's run that did any work."""
        stages = self.record(sha)["stages"].items()
        return [name for name, stage in stages if stage["outcome"] != "skipped"]


@contextlib.asynccontextmanager
async def opened(folder: Path, model: Mapping[str, bytes]) -> AsyncIterator[Site]:
    """The site with the App installed and its first deployment verified; raises Stuck."""
    ports = free_ports()
    files = await asyncio.to_thread(repository_files, model)
    async with running_sandbox(folder / "github", ports["github"]) as sandbox:
        await sandbox.create_repository(REPOSITORY, files, "Digits")
        async with beside(sandbox, folder, REPOSITORY, MAINTAINER, ports, probation=PROBATION) as (person, install):
            service, records = f"http://127.0.0.1:{ports['service']}", folder / "bot" / "register" / "runs"
            site = Site(sandbox, person, service, records, files)
            install()
            first = await site.ended(await person.head(), asyncio.get_running_loop().time())
            if first.state != "success":
                raise SystemExit(f"The first deployment failed: {first.sentence}")
            yield site
