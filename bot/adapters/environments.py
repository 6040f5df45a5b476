"""Isolated Python environments from hashed requirements, each made once, kept and shared by their content."""

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import uv

from bot.adapters import child
from bot.adapters.child import Limits
from bot.core.pipfile import DEFAULT_SOURCE, PipfileError, refuse_url

STAMP = "installed.json"
"""Written last into an environment: its presence says that the environment is whole."""

_TAIL_LINES = 40
_UNREACHABLE = ("error sending request", "Request failed after", "operation timed out", "HTTP status server error")


class InstallFailed(Exception):
    """The requirements could not be installed; says why, and whether the index was out of reach."""

    def __init__(self, sentence: str, log_tail: str, *, unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.log_tail = log_tail
        self.unreachable = unreachable
        """True where an index did not answer or may not be asked: that says nothing about the requirements."""


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment on disk: nobody writes into it, several may read it."""

    path: Path
    python: Path
    size_mb: float
    """MiB of its files, without the interpreter and compiled bytecode."""
    seconds: float
    """How long this call took, waiting for another one included."""
    reused: bool


class Environments:
    """Makes and keeps environments under one directory, at most one for the same requirements and Python."""

    def __init__(
        self,
        root: Path,
        *,
        uv: Path,
        python: Path,
        index_url: str = "https://pypi.org/simple",
        cache: Path | None = None,
        timeout: float = 900.0,
        allowed_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._root = root.absolute()
        self._uv = uv.absolute()
        self._python = python.absolute()
        self._index_url = index_url
        self._cache = cache
        self._timeout = timeout
        self._allowed_hosts = allowed_hosts
        self._identity: str | None = None

    async def install(
        self, requirements: str, indexes: Mapping[str, str] | None = None, *, built: str = ""
    ) -> Installed:
        """The environment with exactly these requirements (lines with hashes, wheels only).

        `built` are more such lines, of packages without wheels: their builds run, with what the requirements installed
        and nothing else. Only what a person asked for is built; a proposed lock never is.

        `indexes` (name → address) are asked beside the own one, which stands for https://pypi.org/simple; whichever
        has a package, only a file with a listed hash is taken. Hosts in `allowed_hosts` may be private or without TLS.
        Made when it is not there yet; concurrent calls, of other processes too, make it once.
        Raises InstallFailed, leaving nothing behind.
        """
        started = time.monotonic()
        others = self._others(indexes or {})
        path = self._root / await self._key("\n".join([*others, requirements, *filter(None, [built])]))
        size = await asyncio.to_thread(_reuse, path)
        reused = size is not None
        if size is None:
            self._root.mkdir(parents=True, exist_ok=True)
            async with _held(self._root / f"{path.name}.lock"):
                size = await asyncio.to_thread(_reuse, path)
                reused = size is not None
                if size is None:
                    size = await self._make(path, requirements, others, built)
        return Installed(path, path / "bin" / "python", size, time.monotonic() - started, reused)

    async def find(self, requirements: str, *, built: str = "") -> Path | None:
        """The environment with exactly these requirements where it has been made already; nothing is installed."""
        path = self._root / await self._key("\n".join([requirements, *filter(None, [built])]))
        return path if await asyncio.to_thread(_reuse, path) is not None else None

    async def prune(self, keep: int, in_use: Collection[Path] = ()) -> int:
        """Remove all but the `keep` environments used last and those in use; returns how many went."""
        return await asyncio.to_thread(_prune, self._root, keep, {path.resolve() for path in in_use})

    def _others(self, indexes: Mapping[str, str]) -> tuple[str, ...]:
        """The addresses to ask beside the own index; raises InstallFailed for one that must not be asked."""
        own = {self._index_url.rstrip("/"), str(DEFAULT_SOURCE["url"])}
        others = {name: url for name, url in indexes.items() if url.rstrip("/") not in own}
        try:
            for name, url in others.items():
                refuse_url(url, f"[[source]] {name[:80]}", self._allowed_hosts)
        except PipfileError as error:
            raise InstallFailed(
                f"The packages of the lock cannot be installed: {error}", "", unreachable=True
            ) from error
        return tuple(sorted(set(others.values())))

    async def _key(self, wanted: str) -> str:
        if self._identity is None:
            code = "import sys, sysconfig; print(sys.version, sys.base_prefix, sysconfig.get_platform())"
            status, output = await self._run(self._python, "-I", "-c", code)
            if status:
                raise InstallFailed(f"The Python at {self._python} does not start; name another one.", output)
            self._identity = output
        return hashlib.sha256(f"{self._identity}\n{wanted}".encode()).hexdigest()[:32]

    async def _make(self, path: Path, requirements: str, others: tuple[str, ...], built: str) -> float:
        building = self._root / f".building-{path.name}-{uuid.uuid4().hex[:8]}"
        try:
            # Relocatable, so that the whole environment appears at its path by one rename.
            await self._uv_does("venv", "--quiet", "--relocatable", "--python", self._python, building)
            wanted = building / "installed-from.txt"
            wanted.write_text(requirements)
            sync = ("pip", "sync", "--require-hashes", "--no-build", "--link-mode", "hardlink", "--no-progress")
            # Compiled here and on all cores, because those who use the environment may not write into it.
            kind = ("--compile-bytecode", "--allow-empty-requirements", "--python", building / "bin" / "python")
            # Every index is looked at for every package, since the hashes tell which file is the right one.
            strategy = ("--index-strategy", "unsafe-best-match") if others else ()
            await self._uv_does(*sync, *kind, *strategy, wanted, others=others)
            if built:
                await self._build(building, built)
            size = await asyncio.to_thread(_size_mb, building)
            (building / STAMP).write_text(json.dumps({"size_mb": size}))
            await asyncio.to_thread(_put_in_place, building, path)
        finally:
            await asyncio.to_thread(shutil.rmtree, building, ignore_errors=True)
        return size

    async def _build(self, environment: Path, built: str) -> None:
        wanted = environment / "built-from.txt"
        wanted.write_text(built)
        install = ("pip", "install", "--require-hashes", "--no-deps", "--no-build-isolation", "--no-progress")
        await self._uv_does(*install, "--python", environment / "bin" / "python", "-r", wanted)

    async def _uv_does(self, *arguments: str | Path, others: Iterable[str] = ()) -> None:
        command = (self._uv, *arguments, "--no-config", "--system-certs", "--color", "never")
        status, output = await self._run(*command, others=others)
        if status:
            tail = "\n".join([line for line in output.splitlines() if "sha256:" not in line][-_TAIL_LINES:])
            unreachable = any(sign in output for sign in _UNREACHABLE)
            sentence = self._sentence(output, others, unreachable)
            ambiguous = bool(others) and "Hash mismatch" in output
            raise InstallFailed(sentence, tail, unreachable=unreachable or ambiguous)

    def _sentence(self, output: str, others: Iterable[str], unreachable: bool) -> str:  # noqa: FBT001
        if unreachable:
            silent = next(
                (url for url in map(_without_login, others) if url in output), _without_login(self._index_url)
            )
            return f"The package index {silent} did not answer; try again later."
        causes = [line.strip().removeprefix("error: ").removeprefix("cause: ") for line in output.splitlines()]
        for line in causes:
            if line.startswith("Hash mismatch") and others:
                return f"{line.rstrip(':')}: the lock has several indexes, and another one has a file of that name too."
            if line.startswith("Hash mismatch"):
                return f"{line.rstrip(':')}: the index serves a file that the lock does not list; lock again."
        said = [line for line in causes if line and not line.startswith(("Using Python", "Resolved", "hint:"))]
        return f"The packages of the lock cannot be installed: {said[-1] if said else 'the installer gave no reason.'}"

    async def _run(self, *command: str | Path, others: Iterable[str] = ()) -> tuple[int, str]:
        words, limits = [str(part) for part in command], Limits(self._timeout)
        try:
            ended = await child.run(words, cwd=Path("/"), environ=self._environ(others), limits=limits, heard="both")
        except TimeoutError:
            raise InstallFailed(
                f"The installation took longer than {self._timeout:.0f} s and was stopped; try again later.",
                "",
                unreachable=True,
            ) from None
        return ended.code, ended.text

    def _environ(self, others: Iterable[str]) -> dict[str, str]:
        # Nothing is inherited: a repository or a tenant must not reach uv through the environment.
        # The indexes go here and not into argv, because their addresses may carry a login.
        given = {"PATH": os.defpath, "HOME": str(Path.home()), "UV_DEFAULT_INDEX": self._index_url}
        given["UV_SYSTEM_CERTS"] = "1"  # the machine's own authorities, as Python here uses them
        given["UV_INDEX"] = " ".join(others)
        given["UV_INSECURE_HOST"] = " ".join(sorted(self._allowed_hosts))
        if self._cache:
            given["UV_CACHE_DIR"] = str(self._cache)
        return given


def own_uv() -> Path:
    """The uv that was installed with its package; raises FileNotFoundError with the remedy when there is none."""
    try:
        return Path(uv.find_uv_bin())
    except FileNotFoundError as problem:
        raise FileNotFoundError(f"There is no uv beside {sys.executable}; run `make install`.") from problem


@contextlib.asynccontextmanager
async def _held(lock: Path) -> AsyncIterator[None]:
    """Hold an advisory lock on a file; the waiting is done in short steps, so that it can be cancelled."""
    with lock.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield


def _reuse(path: Path) -> float | None:
    """Its size in MiB when the environment is whole, marking it as just used."""
    stamp = path / STAMP
    try:
        size = float(json.loads(stamp.read_text())["size_mb"])
        os.utime(stamp)
    except (OSError, ValueError, KeyError):
        return None
    return size if (path / "bin" / "python").exists() else None


def _put_in_place(building: Path, path: Path) -> None:
    if path.exists():  # left broken: not whole, or the Python it was made with is gone
        path.rename(building.with_name(f".removed-{building.name}"))
        shutil.rmtree(building.with_name(f".removed-{building.name}"), ignore_errors=True)
    building.rename(path)


def _prune(root: Path, keep: int, in_use: set[Path]) -> int:
    stamps = sorted(root.glob(f"*/{STAMP}"), key=lambda stamp: stamp.stat().st_mtime, reverse=True)
    gone = [stamp.parent for stamp in stamps[max(keep, 0) :] if stamp.parent.resolve() not in in_use]
    for path in gone:
        (path / STAMP).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    return len(gone)


def _size_mb(path: Path) -> float:
    files = (file for file in path.rglob("*") if file.suffix != ".pyc" and not file.is_symlink() and file.is_file())
    return sum(file.lstat().st_size for file in files) / 2**20


def _without_login(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
