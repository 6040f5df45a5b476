"""One server of one release: started on sockets that it is handed, watched, stopped."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

from bot.pipelines.examination import Service
from bot.pipelines.release import Release

_LAUNCH = Path(__file__).with_name("launch.py")
_CONFIGURATION = "control_socket_disable = True\n"
_THREADS = 4
_GRACE = 10
"""Seconds for requests that are under way."""
_LOGS_KEPT = 10
_TAIL_BYTES = 8192
_LOG_BYTES = 16 << 20


class Server:
    """A server on a private Unix socket and, when it is given, on the public one too."""

    def __init__(self, process: asyncio.subprocess.Process, release: Release, private: Path, log: Path) -> None:
        self.release = release
        self._process = process
        self._private = private
        self._log = log

    @classmethod
    async def start(
        cls, release: Release, *, state: Path, role: str, number: int, public: socket.socket | None
    ) -> "Server":
        """Start it, the `number` new to this supervisor; whether it boots is for `examine` to find out."""
        # In the machine's own temporary folder: a state folder may be deeper than a socket's path may be long.
        private = Path(tempfile.mkdtemp(prefix="bolide-")) / "service.sock"
        log = _new_log(state / "logs", f"{role}-{os.getpid()}-{number}")
        configuration = state / "run" / "gunicorn.conf.py"
        configuration.write_text(_CONFIGURATION)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(private))
        listener.listen()
        bound = [listener] if public is None else [listener, public]
        with listener, log.open("ab") as output:
            sockets = ",".join(str(sock.fileno()) for sock in bound)
            launched = (sys.executable, "-I", str(_LAUNCH), str(os.getpid()), sockets)
            process = await asyncio.create_subprocess_exec(
                *launched,
                *(release.serve or _gunicorn(release, configuration)),
                cwd=release.source,
                env=_environ(release),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[sock.fileno() for sock in bound],
                start_new_session=True,
            )
        return cls(process, release, private, log)

    @property
    def service(self) -> Service:
        """How to ask this server alone."""
        return Service("http://private", str(self._private))

    @property
    def pid(self) -> int:
        """The process id, of its process group too."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the master process runs."""
        return self._process.returncode is None

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that it wrote."""
        with contextlib.suppress(OSError), self._log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
        return ""

    def shorten_log(self, limit: int = _LOG_BYTES) -> None:
        """Empty its log where that has grown beyond the limit, in bytes."""
        with contextlib.suppress(OSError):
            if self._log.stat().st_size > limit:
                os.truncate(self._log, 0)

    async def wait(self) -> int:
        """Return when it has ended, with its exit status."""
        return await self._process.wait()

    async def stop(self, *, graceful: bool = True) -> None:
        """End it: requests under way are answered first where graceful; afterwards no process of it is left."""
        if graceful:
            self._signal(signal.SIGTERM, group=not self.alive())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GRACE + 2):
                    await self._process.wait()
                    await self._group_gone()
        self._signal(signal.SIGKILL, group=True)
        await self._process.wait()
        shutil.rmtree(self._private.parent, ignore_errors=True)

    async def _group_gone(self) -> None:
        # A master that was killed leaves its worker behind, which finishes its requests by itself.
        while group_alive(self.pid):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.05)

    def _signal(self, number: int, *, group: bool) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)


def group_alive(group: int) -> bool:
    """Whether a process group has a member that is no zombie (those wait for a reaper, and hold nothing)."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _, member_of = path.read_text().rpartition(")")[2].split()[:3]
            if int(member_of) == group and state != "Z":
                return True
    return False


def _gunicorn(release: Release, configuration: Path) -> tuple[str, ...]:
    return (
        *("python", "-m", "gunicorn"),
        # Its own configuration, so that a gunicorn.conf.py of the repository does not move it to another address.
        *("--config", str(configuration), "--workers", "1", "--worker-class", "gthread", "--threads", str(_THREADS)),
        *("--graceful-timeout", str(_GRACE), release.wsgi),
    )


def _environ(release: Release) -> dict[str, str]:
    given = {
        "PATH": f"{release.python.parent}:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
    }
    return given | release.variables


def _new_log(folder: Path, name: str) -> Path:
    older = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in older[_LOGS_KEPT - 1 :]:
        path.unlink(missing_ok=True)
    return folder / f"{name}.log"
