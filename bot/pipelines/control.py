"""How a program speaks to the supervisor: one JSON object a line, over a Unix socket that only its owner can open."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SOCKET = "control.sock"
_LINE_LIMIT = 1 << 16


class NoSupervisor(Exception):
    """Nobody answers on the control socket; the message names the state folder and the remedy."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What the supervisor serves now."""

    release: Path
    content: str
    commit: str
    model: str | None
    pid: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where the supervisor listens, what it serves, and how often it had to start a server again."""

    url: str
    serving: Serving | None
    restarts: int


@dataclass(frozen=True, slots=True)
class Switched:
    """The release serves now; so many digits were asked of it before."""

    digits: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Kept:
    """The release does not serve and what served before serves on; says why, with the end of the server's log."""

    sentence: str
    log_tail: str


class Supervisor:
    """The supervisor of a state folder, asked from another process."""

    def __init__(self, state: Path) -> None:
        self._state = state.absolute()

    async def status(self) -> Status:
        """What it serves; raises NoSupervisor."""
        answer = await self._ask({"do": "status"}, seconds=10)
        serving = answer["serving"]
        known = Serving(**{**serving, "release": Path(serving["release"])}) if serving else None
        return Status(str(answer["url"]), known, int(answer["restarts"]))

    async def deploy(self, release: Path) -> Switched | Kept:
        """Let it serve the release at an absolute path, at once where it does already; raises NoSupervisor."""
        answer = await self._ask({"do": "deploy", "release": str(release)}, seconds=300)
        if answer["ok"]:
            return Switched(int(answer["digits"]), float(answer["seconds"]))
        return Kept(str(answer["sentence"]), str(answer.get("log_tail", "")))

    async def stop(self) -> None:
        """Let it answer what is under way, then end; raises NoSupervisor."""
        await self._ask({"do": "stop"}, seconds=60)

    async def _ask(self, question: Mapping[str, str], *, seconds: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(seconds):
                with short_path(self._state / SOCKET) as path:
                    reader, writer = await asyncio.open_unix_connection(path, limit=_LINE_LIMIT)
                try:
                    writer.write(json.dumps(question).encode() + b"\n")
                    await writer.drain()
                    return dict(json.loads(await reader.readline()))
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise NoSupervisor(
                f"No supervisor answers for {self._state} ({type(error).__name__}); "
                f"start one with `python -m bot supervise --state {self._state}`."
            ) from error


@contextlib.contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Another name of a socket's path, good while the block runs: the kernel takes no more than 107 bytes of one."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def listen(state: Path, answer: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]) -> asyncio.Server:
    """Serve the control socket, mode 0600; `answer` maps a question to its answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await _answer(line, answer)).encode() + b"\n")
                await writer.drain()
        except ValueError:
            await _refuse_the_rest(reader, writer)
        except OSError:
            pass  # the asker has gone
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, sock=_bind(state / SOCKET), limit=_LINE_LIMIT)


async def _refuse_the_rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say that a line was too long and read until the asker closes: what is left unread would reset the connection."""
    with contextlib.suppress(OSError):
        sentence = f"The question is longer than {_LINE_LIMIT} bytes."
        writer.write(json.dumps({"ok": False, "sentence": sentence}).encode() + b"\n")
        writer.write_eof()
        while await reader.read(_LINE_LIMIT):
            pass


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    # Inside a folder of mode 0700, so nobody else can open it before the chmod.
    with short_path(path) as name:
        listener.bind(name)
    path.chmod(0o600)
    return listener


async def _answer(
    line: bytes, answer: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
) -> Mapping[str, Any]:
    try:
        question = json.loads(line)
    except ValueError:
        question = None
    if not isinstance(question, dict):
        return {"ok": False, "sentence": "The question is not one JSON object a line."}
    try:
        return await answer(question)
    except Exception as error:
        return {"ok": False, "sentence": f"The supervisor failed with {type(error).__name__}: {error}"}


async def ensure(folder: Path, command: list[str]) -> None:
    """Start the supervisor of a folder as a process of its own, where none answers; raises RuntimeError."""
    supervisor = Supervisor(folder)
    with contextlib.suppress(NoSupervisor):
        await supervisor.status()
        return
    log = folder / "supervisor.log"
    process = _spawn(command, log)
    for _ in range(100):
        await asyncio.sleep(0.1)
        with contextlib.suppress(NoSupervisor):
            await supervisor.status()
            return
        if _ended(process):
            break
    lines = log.read_text().splitlines() or ["it said nothing"]
    raise RuntimeError(f"The service's supervisor did not start: {lines[-1]}")


def _spawn(command: list[str], log: Path) -> int:
    """The pid of a process in a session of its own, which goes on when this one ends."""
    with log.open("ab") as output, Path(os.devnull).open("rb") as nothing:
        places = [(os.POSIX_SPAWN_DUP2, file.fileno(), to) for file, to in ((nothing, 0), (output, 1), (output, 2))]
        return os.posix_spawn(command[0], command, _plain_environment(), file_actions=places, setsid=True)


def _ended(process: int) -> bool:
    return os.waitpid(process, os.WNOHANG)[0] != 0


def _plain_environment() -> dict[str, str]:
    """The variables that a child may see: none of the App's secrets. In an image PYTHONPATH leads to the packages."""
    seen = ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR")
    return {name: os.environ[name] for name in seen if name in os.environ}
