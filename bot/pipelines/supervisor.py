"""The supervisor: owns the public port and lets one release serve on it, whatever happens to anybody else.

It is a process of its own, so that the service outlives the bot. A new release is first examined on a private socket;
only then does it share the port with the old one, which answers what it has and ends.
"""

import argparse
import asyncio
import contextlib
import errno
import fcntl
import re
import signal
import socket
import sys
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.pipelines import control, release, vacancy
from bot.pipelines.examination import Expected, Sound, Unfit, examine
from bot.pipelines.files import UnsoundTree
from bot.pipelines.memory import Memory, inspect_served
from bot.pipelines.release import Release, Unsound
from bot.pipelines.server import Server

_FIRST_BACKOFF, _LAST_BACKOFF = 0.1, 10.0
_STEADY_SECONDS = 30.0
_LOG_SECONDS = 10.0
_PORT_PATIENCE = 13.0
"""Seconds that the servers of a killed supervisor may take to leave the port."""


class PortTaken(Exception):
    """Somebody else listens on the port; the message names it and the remedy."""


class Supervisor:
    """Serves one release at a time on a listening socket; all its methods run in one event loop."""

    def __init__(self, state: Path, listener: socket.socket, boot_seconds: float) -> None:
        self._state, self._listener, self._boot_seconds = state, listener, boot_seconds
        self._memory = Memory(state)
        self._server: Server | None = None
        self._servers: set[Server] = set()
        self._vacant = vacancy.Vacancy(listener)
        self._deploying = asyncio.Lock()
        self._stopped = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._restarts = self._started = 0

    async def run(self) -> None:
        """Serve the last release and answer on the control socket until told to stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopped.set)
        server = await control.listen(self._state, self._answer)
        await self._vacant.open()
        self._keep(self._restore())
        self._keep(self._keep_logs_short())
        await self._stopped.wait()
        server.close()
        await self._end()

    async def _answer(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        match question:
            case {"do": "deploy", "release": str(path)}:
                return await self.deploy(Path(path))
            case {"do": "status"}:
                return {"ok": True, "url": self._url(), "serving": self._serving(), "restarts": self._restarts}
            case {"do": "stop"}:
                self._stopped.set()
                return {"ok": True}
            case _:
                return {"ok": False, "sentence": 'Ask {"do": "deploy", "release": PATH}, "status" or "stop".'}

    async def deploy(self, path: Path) -> Mapping[str, Any]:
        """Let the release at a path serve, or say why not and let the old one serve on."""
        begun = time.monotonic()
        async with self._deploying:
            try:
                new = await asyncio.to_thread(release.inspect, path)
                if self._server and self._server.release.path == new.path and self._server.alive():
                    return {"ok": True, "digits": len(new.golden()), "seconds": 0.0}
                found = await self._let_in(new)
            except (Unsound, UnsoundTree, OSError) as error:
                return {"ok": False, "sentence": str(error), "log_tail": ""}
        if isinstance(found, Sound):
            return {"ok": True, "digits": found.digits, "seconds": time.monotonic() - begun}
        return found

    async def _let_in(self, new: Release) -> Sound | Mapping[str, Any]:
        """Examine it on a private socket, then on the public one beside the old server, then let that one go."""
        expected = Expected.of(new)
        candidate = await self._start(new, "candidate", public=False)
        found = await self._examine(candidate, expected)
        if isinstance(found, Unfit):
            return await self._refuse(candidate, found, graceful=False)
        self._keep(self._retire(candidate))
        server = await self._start(new, "server", public=True)
        found = await self._examine(server, expected)
        if isinstance(found, Unfit):
            return await self._refuse(server, found, graceful=True)
        await self._switch(server)
        return found

    async def _switch(self, server: Server) -> None:
        try:
            # Remembered before the old one is told to go: after a crash here the new one comes back.
            self._memory.remember(server.release, self._groups())
        except OSError:
            await self._retire(server)
            raise
        old, self._server = self._server, server
        await self._vacant.close()
        self._keep(self._watch(server))
        if old:
            await self._retire(old)

    async def _examine(self, server: Server, expected: Expected) -> Sound | Unfit:
        try:
            return await examine(server.service, expected, patience=self._boot_seconds, alive=server.alive)
        except BaseException:
            await self._retire(server, graceful=False)
            raise

    async def _refuse(self, server: Server, found: Unfit, *, graceful: bool) -> Mapping[str, Any]:
        await self._retire(server, graceful=graceful)
        tail = server.log_tail()
        why = last_error(tail) if found.question == "start" else ""
        sentence = f"Release {server.release.name} was not let in: {found.sentence}{why}"
        return {"ok": False, "sentence": sentence, "log_tail": tail}

    async def _start(self, wanted: Release, role: str, *, public: bool) -> Server:
        self._started += 1
        server = await Server.start(
            wanted, state=self._state, role=role, number=self._started, public=self._listener if public else None
        )
        self._servers.add(server)
        return server

    async def _retire(self, server: Server, *, graceful: bool = True) -> None:
        await server.stop(graceful=graceful)
        self._servers.discard(server)

    async def _watch(self, server: Server) -> None:
        """Start the release again when its server ends by itself, later each time that it does so soon."""
        backoff = _FIRST_BACKOFF
        while True:
            since = time.monotonic()
            status = await server.wait()
            if self._server is not server or self._stopped.is_set():
                return
            say(f"The server of {server.release.name} ended with status {status}; it is started again.")
            self._keep(self._retire(server))
            if time.monotonic() - since > _STEADY_SECONDS:
                backoff = _FIRST_BACKOFF
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, _LAST_BACKOFF)
            server = await self._replace(server)

    async def _replace(self, dead: Server) -> Server:
        """A new server of the same release in the place of one that ended; that one, where it can't be or mustn't."""
        try:
            again = await self._start(dead.release, "server", public=True)
            if self._server is not dead:  # a deployment was faster
                await self._retire(again)
                return dead
            self._server, self._restarts = again, self._restarts + 1
            self._memory.remember(again.release, self._groups())
        except OSError as error:
            say(f"The server of {dead.release.name} can't be started or remembered: {error}")
        return self._server or dead

    async def _restore(self) -> None:
        """Serve the release of before the stop or the crash; where it is damaged, the one before it."""
        async with self._deploying:
            for path, seal in self._memory.served():
                try:
                    last = await asyncio.to_thread(inspect_served, path, seal)
                    await self._switch(await self._start(last, "server", public=True))
                    return
                except (Unsound, UnsoundTree, OSError) as error:
                    say(str(error))

    async def _keep_logs_short(self) -> None:
        while True:
            await asyncio.sleep(_LOG_SECONDS)
            for server in self._servers:
                server.shorten_log()

    def _serving(self) -> dict[str, Any] | None:
        if not self._server:
            return None
        trace = self._server.release.trace
        known = {"content": trace.content, "commit": trace.commit, "model": trace.model_id}
        return {"release": str(self._server.release.path), "pid": self._server.pid, **known}

    def _groups(self) -> list[int]:
        return sorted(server.pid for server in self._servers)

    def _url(self) -> str:
        host, port = self._listener.getsockname()[:2]
        return f"http://{host}:{port}"

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self) -> None:
        self._server = None
        await asyncio.gather(self._vacant.close(), *(server.stop() for server in self._servers))
        for task in self._tasks:
            task.cancel()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises PortTaken when somebody else keeps the port."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else "cannot be listened on"
        raise PortTaken(
            f"Port {port} on {host} {why} ({error.strerror}); stop what listens there or choose another with --port."
        ) from error
    listener.setblocking(False)  # noqa: FBT003 - its only parameter
    return listener


def last_error(log: str) -> str:
    """The last exception that a log shows, to be put behind a sentence."""
    found = re.findall(r"^[\w.]*(?:Error|Exception|Exit|Interrupt)\b.*", log, re.MULTILINE)
    return f" {found[-1].strip()}" if found else ""


def say(sentence: str) -> None:
    """Print a line at once, also into a pipe."""
    print(sentence, flush=True)


def main(argv: Sequence[str]) -> int:
    """Run the supervisor: `--state DIR --port N [--host ADDRESS]`; exit 0 after a stop, 1 with one sentence."""
    parser = argparse.ArgumentParser(prog="bot supervise", description="Keep the port and serve the deployed release.")
    parser.add_argument("--state", type=Path, required=True, help="the folder for what it must remember")
    parser.add_argument("--port", type=int, required=True, help="the public port; 0 for any that is free")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    patience = "the seconds that a release may take to be ready (default: %(default)s)"
    parser.add_argument("--boot-seconds", type=float, default=30.0, help=patience)
    given = parser.parse_args(argv)
    state = given.state.absolute()
    for folder in (state, state / "run", state / "logs"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.chmod(0o700)
    try:
        with _only_one(state):
            Memory(state).await_end(_PORT_PATIENCE)
            listener = bind(given.host, given.port)
            with listener:
                say(f"Serving on http://{given.host}:{listener.getsockname()[1]}")
                asyncio.run(Supervisor(state, listener, given.boot_seconds).run())
    except (PortTaken, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _only_one(state: Path) -> Iterator[None]:
    with (state / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PortTaken(
                f"A supervisor runs for {state} already; stop it first or choose another --state."
            ) from error
        yield
