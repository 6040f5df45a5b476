"""Thoth's client thamos, in an environment and a process of its own: it gets three files and a host, nothing else."""

import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from bot.adapters import jail
from bot.adapters.environments import Environments, Installed, own_uv
from bot.adapters.jail import Finished, Limits
from bot.adapters.webpages import PublicResolver
from bot.advisor.subjects import of_pipfile
from bot.core import changes, lockfile
from bot.core.attestations import NoAttestations
from bot.core.errors import Refused, TryLater
from bot.core.locking import document
from bot.core.packages import All, Index, Resolution, Resolver, ResolveRequest, ThothHost
from bot.core.pipfile import Pipfile, is_private
from bot.managers.provenance import examine

PROJECT = Path(__file__).parents[2] / "overlays" / "thoth"
"""The folder with the client's Pipfile and its lock."""
LIMITS = Limits(seconds=300.0, cpu_seconds=120.0, memory_mb=1024.0, file_mb=16.0, disk_mb=64.0, processes=32)
MAX_OUTPUT = 8 * 2**20
MOST_NOTES = 10
_LOG_LINE = re.compile(r"\d{4}-\d{2}-\d{2} ")


def client_environments(state: Path) -> Environments:
    """Where the client is kept: apart from the environments that updates and deployments make and remove."""
    return Environments(state.absolute() / "thoth", uv=own_uv(), python=Path(sys.executable))


async def install(environments: Environments, project: Path) -> Installed:
    """The client's environment as the project's lock has it.

    Two of its packages have no wheels and are built, so this is for a person to ask for. Raises InstallFailed,
    ValueError where the lock is none.
    """
    wheels, built = _requirements(project)
    return await environments.install(wheels, built=built)


def _requirements(project: Path) -> tuple[str, str]:
    """The lines of what is installed as wheels, and of what is built."""
    lock = lockfile.parse((project / "Pipfile.lock").read_text())
    lines = lockfile.requirements(lock, ["packages"]).splitlines(keepends=True)
    building = lockfile.without_wheels(lock, ["packages"])
    built = [line for line in lines if line.partition("==")[0] in building]
    return "".join(line for line in lines if line not in built), "".join(built)


class ThothOr:
    """A `Resolver`: locks everything anew as a Thoth-compatible host advises, where the request names one.

    What moves single packages, or keeps what fits, is for the own resolver in any case: Thoth only advises on all.
    Hosts in `allowed_hosts` may be private, and their certificates need not be verified.
    """

    def __init__(
        self, own: Resolver, environments: Environments, index: Index, allowed_hosts: frozenset[str] = frozenset()
    ) -> None:
        self._own = own
        self._environments = environments
        self._index = index
        self._allowed_hosts = allowed_hosts

    async def resolve(self, request: ResolveRequest) -> Resolution:
        """The lock; raises what the own resolver raises, and Refused or TryLater where the host gives none."""
        if request.thoth is None or not isinstance(request.upgrade, All):
            return await self._own.resolve(request)
        await self._refuse_host(request.thoth)
        _refuse_categories(request.pipfile)
        program = await self._program()
        with tempfile.TemporaryDirectory(prefix="thoth-") as folder:
            place = Path(folder)
            _write(place, request, request.thoth)
            told, finished = await _run(program, place, request.thoth)
            if finished.returncode:
                raise _failure(request.thoth, told, finished)
            try:
                lock = lockfile.parse((place / "Pipfile.lock").read_text())
            except (OSError, ValueError) as problem:
                raise Refused(f"Thoth's host {request.thoth.name} advised no lock: {problem}") from problem
        return await self._checked(request, request.thoth, lock, told)

    async def _refuse_host(self, host: ThothHost) -> None:
        """Raise Refused for a host inside, or one that anybody could answer for."""
        name = host.name.partition(":")[0]
        if name in self._allowed_hosts:
            return
        if not host.tls_verify:
            raise Refused(
                f"`tls_verify: false` lets anybody answer for {name}; the operator can allow the host by name."
            )
        if is_private(name):
            raise Refused(f"The host {name} is a private address; the operator can allow it by name.")
        try:
            await PublicResolver().resolve(name, 443)
        except OSError as problem:
            raise TryLater(f"Thoth's host {name} cannot be found: {problem}.", 900) from problem

    async def _program(self) -> Path:
        wheels, built = await asyncio.to_thread(_requirements, PROJECT)
        found = await self._environments.find(wheels, built=built)
        if found is None:
            raise Refused("Thoth's client is not installed here: Bolide's operator runs `make thoth` once.")
        return found / "bin" / "thamos"

    async def _checked(
        self, request: ResolveRequest, host: ThothHost, lock: Mapping[str, Any], told: Mapping[str, Any]
    ) -> Resolution:
        """The advised lock as one of this Pipfile; raises Refused where it does not meet it or a file is not whole."""
        sections = {"packages": lock.get("default", {}), "dev-packages": lock.get("develop", {})}
        made = document(request.pipfile, sections)
        text = lockfile.render(made)
        if short := changes.shortfalls(request.pipfile, made):
            raise Refused(f"The lock that Thoth's host {host.name} advises does not meet the Pipfile: {short[0]}.")
        looked_at = of_pipfile(tomlkit.dumps(request.pipfile.document), text, self._allowed_hosts)
        found = await examine(looked_at, self._index, NoAttestations())
        if wrong := next((each for each in found.findings if each.type == "ERROR"), None):
            raise Refused(f"The lock that Thoth's host {host.name} advises is not whole: {wrong.justification}")
        own = f"Thoth's host {host.name} advised this lock; it may not heed the cooldown."
        notes = (own, *_notes(told))
        return Resolution(text, made, _required_by(told), (), notes, f"Thoth at {host.name}", 0.0)


def _refuse_categories(pipfile: Pipfile) -> None:
    others = [
        name for name, entries in pipfile.categories.items() if name not in ("packages", "dev-packages") and entries
    ]
    if others:
        raise Refused(
            f"`adviser: thoth` knows [packages] and [dev-packages] only, and the Pipfile has [{others[0]}] too; "
            "take `adviser` out."
        )


def _write(place: Path, request: ResolveRequest, host: ThothHost) -> None:
    """The files that the client reads: made here, none of the repository's own."""
    runtime = {"name": "default", "recommendation_type": request.recommendation}
    if request.python:
        runtime["python_version"] = ".".join(request.python.split(".")[:2])
    told = {"host": host.name, "tls_verify": host.tls_verify, "runtime_environments": [runtime]}
    (place / ".thoth.yaml").write_text(json.dumps(told))
    (place / "Pipfile").write_text(tomlkit.dumps(request.pipfile.document))
    if request.old_lock is not None:
        whole = {"develop": {}, **request.old_lock}
        (place / "Pipfile.lock").write_text(lockfile.render(whole))
    if request.constraints:
        (place / "constraints.txt").write_text("".join(f"{line}\n" for line in request.constraints))


async def _run(program: Path, place: Path, host: ThothHost) -> tuple[dict[str, Any], Finished]:
    """The report that the client printed, empty where it is none, and how the client ended."""
    lines: list[str] = []
    room = [MAX_OUTPUT]

    def keep(line: str) -> None:
        room[0] -= len(line)
        if room[0] > 0 and not _LOG_LINE.match(line):
            lines.append(line)

    # With --dev the client reads `tls_verify` too late and verifies in any case; Bolide's own API always locks both.
    dev = ["--dev"] if host.tls_verify else []
    finished = await jail.run(
        [str(program), "advise", "--json", "--no-static-analysis", *dev],
        cwd=place,
        environ={"THAMOS_NO_PROGRESSBAR": "1", "THAMOS_NO_EMOJI": "1", "THAMOS_TIMEOUT": "240", "HOME": str(place)},
        writable=[place],
        limits=LIMITS,
        on_line=keep,
        isolation="process",
    )
    try:
        report = json.loads("\n".join(lines))
    except (ValueError, RecursionError):
        report = {}
    return (report if isinstance(report, dict) else {}), finished


def _failure(host: ThothHost, told: Mapping[str, Any], finished: Finished) -> Exception:
    """What the client's end means: the host's own sentence, or that it is to be tried again."""
    if finished.stopped:
        return TryLater(f"Thoth's host {host.name} gave no advice within the client's limits.", 900)
    said = told.get("error_msg")
    if isinstance(said, str) and said:
        return Refused(f"Thoth's host {host.name} gives no advice: {said[:600]}")
    last = next((line for line in reversed(finished.output_tail.splitlines()) if line.strip()), "nothing was said")
    return TryLater(f"Thoth's host {host.name} gave no advice: {last.strip()[-300:]}.", 900)


def _product(told: Mapping[str, Any]) -> Mapping[str, Any]:
    products = told.get("products")
    first = products[0] if isinstance(products, list) and products else {}
    return first if isinstance(first, dict) else {}


def _notes(told: Mapping[str, Any]) -> tuple[str, ...]:
    """The first sentences of the host's own justification."""
    rows = _product(told).get("justification")
    rows = rows if isinstance(rows, list) else []
    said = [str(row.get("message", ""))[:300] for row in rows[:MOST_NOTES] if isinstance(row, dict)]
    return tuple(f"Thoth: {message}" for message in said if message)


def _required_by(told: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Who requires whom, by the host's graph; empty where it has none that can be read."""
    graph = _product(told).get("dependency_graph")
    try:
        names, edges = graph["nodes"], graph["edges"]  # type: ignore[index]  # whatever else it is raises TypeError
        found: dict[str, tuple[str, ...]] = {str(name): () for name in names}
        for parent, child in edges:
            found[str(names[child])] = (*found[str(names[child])], str(names[parent]))
    except (TypeError, KeyError, IndexError, ValueError):
        return {}
    return found
