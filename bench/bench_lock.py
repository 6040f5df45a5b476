"""Time `pipenv lock` and Bolide's resolver on one Pipfile, cold and warm: `python -m bench.bench_lock [PIPFILE]`.

Both ask the real index in the same run; cold means empty caches. The last line of the output is JSON.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bot.allocator import keep_one_arena
from bot.core import pipfile
from bot.core.packages import ResolveRequest
from bot.wiring import packages

TLS = {name: os.environ[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE") if name in os.environ}


def main(arguments: list[str]) -> int:
    """Print one line for each run, then the figures as JSON: wall and CPU seconds, and whether the locks are equal."""
    if arguments[:1] == ["--one"]:
        return _one(*arguments[1:])
    path = Path(arguments[0] if arguments else "Pipfile")
    figures: dict[str, object] = {"pipfile": str(path), "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        locks = {}
        for state in ("cold", "warm"):
            for program in (bolide_lock, pipenv_lock):
                wall, cpu, lock = _measured(program, path, place)
                locks[program.__name__] = lock
                print(f"{program.__name__} {state}: {wall:.2f} s, {cpu:.2f} CPU-s, {len(lock):,} bytes")
                figures[f"{program.__name__}_{state}"] = {"seconds": round(wall, 2), "cpu_seconds": round(cpu, 2)}
    figures["equal"] = locks["bolide_lock"] == locks["pipenv_lock"]
    print(json.dumps(figures))
    return 0


def bolide_lock(path: Path, place: Path) -> str:
    """The lock that Bolide makes, with its caches under `place`."""
    return asyncio.run(_bolide(path.read_bytes(), place))


async def _bolide(content: bytes, place: Path) -> str:
    async with packages.open_packages(place) as found:
        return (await found.resolver.resolve(ResolveRequest(pipfile.parse(content)))).lock_text


def pipenv_lock(path: Path, place: Path) -> str:
    """The lock that the installed pipenv makes for the same interpreter, with its cache under `place`."""
    project = place / "project"
    project.mkdir(exist_ok=True)
    (project / "Pipfile").write_bytes(path.read_bytes())
    (project / "Pipfile.lock").unlink(missing_ok=True)
    environment = {
        **TLS,
        "PATH": "/usr/bin:/bin",
        "HOME": str(place),
        "VIRTUAL_ENV": sys.prefix,
        "PIPENV_CACHE_DIR": str(place / "pipenv"),
        "PIP_CONFIG_FILE": os.devnull,
        "LANG": "C.UTF-8",
    }
    command = [sys.executable, "-m", "pipenv", "lock"]
    subprocess.run(command, cwd=project, env=environment, check=True, capture_output=True, timeout=600)
    return (project / "Pipfile.lock").read_text()


def _one(program: str, path: str, place: str, output: str) -> int:
    """One lock in a process of its own, for whoever measures the whole process."""
    keep_one_arena()  # as the command line does
    make = {"bolide": bolide_lock, "pipenv": pipenv_lock}[program]
    Path(output).write_text(make(Path(path), Path(place)))
    return 0


def _measured(program: Callable[[Path, Path], str], path: Path, place: Path) -> tuple[float, float, str]:
    started, used = time.monotonic(), _cpu_seconds()
    lock = program(path, place)
    return time.monotonic() - started, _cpu_seconds() - used, lock


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
