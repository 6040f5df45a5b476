"""What an update costs: `make bench-updates`, or `python -m bench.bench_updates --parts lock bump requests many`.

`lock`: pipenv and Bolide lock the same Pipfile of fifty packages from the real index, cold and warm, each in a
process of its own. `bump`: packages of a lock that is half a year old move one at a time. `requests`: what GitHub is
asked, as the sandbox tells. `many`: repositories that share the caches, on an index on loopback. The last line is JSON.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.small_index import SmallIndex
from bot.core import changes, inside, pipfile
from bot.core.events import Repository
from bot.core.packages import Only, Resolution, ResolveRequest
from bot.demo import report
from bot.demo.machinery import make_keys
from bot.sandbox import running_sandbox
from bot.settings import Secret, Settings
from bot.wiring import packages, program

PIPFILE = Path(__file__).parent / "data" / "tensorflow-50" / "Pipfile"
PARTS = ("lock", "bump", "requests", "many")
HALF_A_YEAR = timedelta(days=182)
PYTHON = "3.11"
Figures = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Print what is measured as it is, then every figure as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.bench_updates", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repositories", type=int, default=1_000, help="of the part `many` (default: %(default)s)")
    given = parser.parse_args(arguments)
    figures: Figures = {"cores": os.cpu_count(), "load_at_start": round(os.getloadavg()[0], 1)}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        place = Path(folder)
        if "lock" in given.parts:
            figures |= lock_figures(place / "lock")
        if "bump" in given.parts:
            figures |= asyncio.run(bump_figures(place / "bump"))
        if "requests" in given.parts:
            (place / "requests").mkdir()
            figures |= asyncio.run(request_figures(place / "requests"))
        if "many" in given.parts:
            figures |= asyncio.run(many_figures(place / "many", given.repositories))
    figures["load_at_end"] = round(os.getloadavg()[0], 1)
    print(json.dumps(figures))
    return 0


@dataclass(frozen=True, slots=True)
class Run:
    """One program's run: wall and CPU seconds of it and its children, MiB of the largest process, and the lock."""

    wall: float
    cpu: float
    peak: float
    lock: str


def lock_figures(place: Path) -> Figures:
    """Both programs, cold and then warm, and how many times more pipenv takes."""
    place.mkdir()
    figures: Figures = {}
    for state in ("cold", "warm"):
        runs: dict[str, Run] = {}
        for tool in ("bolide", "pipenv"):
            runs[tool] = run = _measured(tool, place)
            print(f"{tool}, {state}: {run.wall:.1f} s, {run.cpu:.1f} CPU-s, {run.peak:.0f} MiB", flush=True)
            figures[f"{tool}_{state}"] = {"seconds": run.wall, "cpu_seconds": run.cpu, "peak_mb": run.peak}
        figures[f"lock_cpu_ratio_{state}"] = round(runs["pipenv"].cpu / runs["bolide"].cpu, 1)
        figures[f"lock_wall_ratio_{state}"] = round(runs["pipenv"].wall / runs["bolide"].wall, 1)
        figures[f"equal_{state}"] = runs["pipenv"].lock == runs["bolide"].lock
    return figures


def _measured(tool: str, place: Path) -> Run:
    started = time.monotonic()
    output = place / f"{tool}.lock"
    command = [sys.executable, "-m", "bench.bench_lock", "--one", tool, str(PIPFILE), str(place), str(output)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{tool} made no lock; what it said stands above.")
    wall, cpu = time.monotonic() - started, usage.ru_utime + usage.ru_stime
    return Run(round(wall, 2), round(cpu, 2), round(usage.ru_maxrss / 1024, 1), output.read_text())


async def bump_figures(place: Path) -> Figures:
    """How many packages change when one is wanted newer, and how long twelve such updates take."""
    wanted = pipfile.parse(PIPFILE.read_bytes())
    async with packages.open_packages(place) as found:
        now = datetime.now(UTC)
        old = await found.resolver.resolve(ResolveRequest(wanted, None, PYTHON, cutoff=now - HALF_A_YEAR))
        new = await found.resolver.resolve(ResolveRequest(wanted, old.lock, PYTHON))
        behind = [each.name for each in changes.diff(old.lock, new.lock, wanted) if each.direct]
        print(f"{len(behind)} direct packages of a lock of half a year ago are behind", flush=True)
        changed: dict[str, int] = {}
        started = time.monotonic()
        for name in behind[:12]:
            one: Resolution = await found.resolver.resolve(
                ResolveRequest(wanted, old.lock, PYTHON, Only(frozenset({name})))
            )
            changed[name] = len(changes.diff(old.lock, one.lock, wanted))
        seconds = time.monotonic() - started
    print(f"twelve updates: {seconds:.1f} s, packages changed {changed}", flush=True)
    return {
        "one_bump_packages_changed": min(changed.values()),
        "packages_changed": changed,
        "twelve_updates_seconds": round(seconds, 1),
    }


SMALL = '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages]\nflask = "*"\n'


async def request_figures(place: Path) -> Figures:
    """What the update manager asks GitHub: to propose an update, and to look again at what has not changed."""
    async with packages.open_packages(place / "seed") as found:
        request = ResolveRequest(pipfile.parse(SMALL), None, PYTHON, cutoff=datetime.now(UTC) - HALF_A_YEAR)
        lock = (await found.resolver.resolve(request)).lock_text
    files: dict[str, bytes | str] = {"Pipfile": SMALL, "Pipfile.lock": lock}
    files[".github/bolide.yaml"] = f'python: "{PYTHON}"\n'
    async with _repository(place, files) as (sandbox, bolide, repository):
        await bolide.inbox.put(inside.look_wanted(repository, "first"))
        await _settle(bolide)
        changed = report.update_requests(sandbox.requests)
        asked = []
        for look in range(3):
            before = len(sandbox.requests)
            await bolide.inbox.put(inside.world_changed(repository, {"flask": str(look)}))
            await _settle(bolide)
            asked.append(sum("(update)" in entry["user_agent"] for entry in sandbox.requests[before:]))
    print(f"GitHub requests: {changed} for an update; {asked} for the looks after it", flush=True)
    return {"github_requests_changed": changed, "github_requests_unchanged": asked[-1]}


@asynccontextmanager
async def _repository(
    place: Path, files: dict[str, bytes | str]
) -> AsyncIterator[tuple[Any, program.Bolide, Repository]]:
    """A repository on a sandbox, and the bot that is installed on it, at rest."""
    keys = make_keys(place / "keys")
    async with running_sandbox(place / "github", 0) as sandbox:
        made = await sandbox.create_repository("ada/digits", files)
        app = sandbox.register_app("bolide", "ada", keys.public_key)
        installation = sandbox.install_app(app, "ada/digits")
        settings = Settings(
            app_id=str(app.id),
            private_key=Secret(keys.private_key_file.read_text()),
            webhook_secret=Secret(keys.secret),
            api_url=sandbox.api_url,
            graphql_url=sandbox.graphql_url,
            state_dir=place / "bot",
            host="127.0.0.1",
            port=0,
            service_port=0,
            index_url="https://pypi.org/simple",
            workers=1,
        )
        async with program.assemble(settings) as bolide:
            yield sandbox, bolide, Repository(made.id, "ada/digits", installation.id)


async def _settle(bolide: program.Bolide) -> None:
    """Do what is due, but for trying locks out, which this does not measure."""
    while delivery := await bolide.inbox.lease_delivery(60):
        await bolide.inbox.route(delivery.id, *bolide.dispatch.route(delivery))
    while job := await bolide.inbox.lease_job(600):
        wanted = job.manager.endswith("/update")
        await bolide.inbox.finish(job, await bolide.dispatch.work(job) if wanted else "left out")


async def many_figures(place: Path, repositories: int) -> Figures:
    """How many requests an index gets from repositories that share the caches."""
    chance = random.Random(7)  # noqa: S311 - a choice that is the same each time, not a secret
    index = SmallIndex(packages=60)
    asked: dict[int, int] = {}
    started = time.monotonic()
    async with index.serve(), packages.open_packages(place, frozenset({"127.0.0.1"})) as found:
        at_once = asyncio.Semaphore(2)

        async def one() -> None:
            names = sorted(chance.sample(index.names, 6))
            source = f'[[source]]\nname = "small"\nurl = "{index.url}"\nverify_ssl = false\n\n[packages]\n'
            wanted = pipfile.parse(source + "".join(f'{name} = "*"\n' for name in names), frozenset({"127.0.0.1"}))
            async with at_once:
                await found.resolver.resolve(ResolveRequest(wanted, None, PYTHON))

        for upto in (max(1, repositories // 10), repositories):
            await asyncio.gather(*(one() for _ in range(upto - max(asked, default=0))))
            asked[upto] = index.requests
            print(f"{upto} repositories: {index.requests} index requests for {len(index.names)} packages", flush=True)
    return {
        "index_requests": asked,
        "index_packages": len(index.names),
        "many_seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
