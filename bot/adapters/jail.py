"""Runs a command that nobody vouches for: no network, few files, an empty environment, bounded in every direction.

bubblewrap gives all of that. Where it cannot be used, util-linux' unshare still cuts off the network, and else the
command is an ordinary process under limits; `Finished.isolation` says which it was.
"""

import asyncio
import contextlib
import functools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.adapters.process_tree import ProcessTree
from bot.core.isolation import LOCAL_ISOLATIONS, Isolation, LocalIsolation, is_enough

Stop = Literal["time", "cpu", "memory", "disk", "processes"]

_TAIL_LINES, _LINE_CHARACTERS = 200, 2000
_SECONDS_BETWEEN_LOOKS = 0.1
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_ETC = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "mime.types", "nsswitch.conf")
_ACCOUNTS = "root:x:0:0:root:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/tmp:/bin/sh\n"
_NOBODY = "65534"
# Under a limit of the kernel, not of ours: CPU seconds, 512-byte blocks of one file, no core dumps; first to go
# when memory runs out.
_LIMITED = """
ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"
{ echo 500 >/proc/self/oom_score_adj; } 2>/dev/null
shift 2; exec "$@"
"""


class NotIsolated(Exception):
    """The command was not started, because nothing that works here cuts it off as far as is required."""

    def __init__(self, best: LocalIsolation, required: Isolation) -> None:
        self.sentence = (
            f"Code of the repository was not run: it must be cut off by {required} (BOLIDE_REQUIRED_ISOLATION), and "
            f"the best that works on this machine is {best}."
        )
        self.log_tail = ""
        super().__init__(self.sentence)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use, with all the processes it starts; it is killed when it goes beyond."""

    seconds: float = 300.0
    cpu_seconds: float = 600.0
    memory_mb: float = 4096.0
    file_mb: float = 1024.0
    """The size of a single file; a write beyond it fails."""
    disk_mb: float = 4096.0
    """All that stands in the writable paths and the temporary directory."""
    processes: int = 128


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended and what it used."""

    returncode: int
    """Negative: ended by that signal."""
    output_tail: str
    """The last 200 lines of standard output and standard error together."""
    seconds: float
    cpu_seconds: float
    """Read every 0.1 s, so up to that much too little."""
    peak_memory_mb: float
    """Resident memory of all its processes together, read every 0.1 s."""
    isolation: LocalIsolation
    stopped: Stop | None
    """The limit for which it was killed."""


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    readable: Sequence[Path] = (),
    writable: Sequence[Path] = (),
    limits: Limits | None = None,
    pass_fds: Sequence[int] = (),
    on_line: Callable[[str], None] | None = None,
    isolation: LocalIsolation | None = None,
    required: Isolation = "process",
) -> Finished:
    """Run the command until it ends or goes beyond a limit; nothing it started outlives this call.

    It sees `environ`, HOME and TMPDIR (a directory that is removed afterwards), LANG and PATH. With bubblewrap it sees
    only the system's programs, the Python it runs on, `readable` and, to write, `writable`; `cwd` must be among them.
    `isolation` asks for one kind; by default it is the best that works here. Raises NotIsolated where that is less than
    `required`, FileNotFoundError for a path that does not exist.
    """
    limits = limits or Limits()
    kind = await asyncio.to_thread(best_isolation) if isolation is None else isolation
    if not is_enough(kind, required):
        raise NotIsolated(kind, required)
    for path in (cwd, *readable, *writable):
        if not path.exists():
            raise FileNotFoundError(f"{path} does not exist, so the command {command[0]} was not started.")
    with _scratch() as scratch:
        # Inside bubblewrap the scratch directory is /tmp.
        home = Path("/tmp") if kind == "bubblewrap" else scratch / "tmp"  # noqa: S108
        environ = {"PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(home), "TMPDIR": str(home), **environ}
        around = _around(kind, scratch, cwd, readable, writable)
        limited = ("/bin/sh", "-c", _LIMITED, "sh", str(int(limits.cpu_seconds) + 1), str(int(limits.file_mb * 2048)))
        jailed = _Jailed([*limited, *around, *command], cwd, environ, pass_fds, on_line)
        stopped = await jailed.finish(limits, [scratch, *writable])
        return jailed.finished(kind, stopped)


@functools.cache
def best_isolation() -> LocalIsolation:
    """The strongest isolation that works on this machine, found by trying it; the answer is kept."""
    with _scratch() as scratch:
        for kind in LOCAL_ISOLATIONS[:-1]:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                trial = [*_around(kind, scratch, Path("/"), (), ()), "/bin/true"]
                if subprocess.run(trial, capture_output=True, timeout=20, env={}, check=False).returncode == 0:
                    return kind
    return "process"


def _around(
    kind: LocalIsolation, scratch: Path, cwd: Path, readable: Sequence[Path], writable: Sequence[Path]
) -> Sequence[str]:
    match kind:
        case "bubblewrap":
            return _bubblewrap(scratch, cwd, readable, writable)
        case "unshare":
            program = shutil.which("unshare") or "unshare"
            # A user name space is not needed, and often not allowed, where the bot itself is root.
            user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
            return (program, *user, "--net", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc")
        case "process":
            return ()


def _bubblewrap(scratch: Path, cwd: Path, readable: Sequence[Path], writable: Sequence[Path]) -> Sequence[str]:
    alone = ("user", "pid", "net", "ipc", "uts")
    arguments = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session"]
    arguments += [f"--unshare-{kind}" for kind in alone]
    arguments += ["--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "jail"]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), name]
        elif path.exists():
            arguments += ["--ro-bind", name, name]
    for name in _ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    # Names of people on this machine are none of its business, yet some programs insist on knowing their own.
    (scratch / "passwd").write_text(_ACCOUNTS)
    arguments += ["--ro-bind", str(scratch / "passwd"), "/etc/passwd"]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--size", str(256 * 2**20), "--tmpfs", "/dev/shm"]  # noqa: S108
    arguments += ["--remount-ro", "/dev", "--bind", str(scratch / "tmp"), "/tmp"]  # noqa: S108
    for path in (Path(sys.base_prefix).resolve(), *(path.absolute() for path in readable)):
        if not path.is_relative_to("/usr"):
            arguments += ["--ro-bind", str(path), str(path)]
    for path in (path.absolute() for path in writable):
        arguments += ["--bind", str(path), str(path)]
    return [*arguments, "--remount-ro", "/", "--chdir", str(cwd.absolute()), "--"]


class _Jailed:
    """One running command."""

    def __init__(
        self,
        command: Sequence[str],
        cwd: Path,
        environ: Mapping[str, str],
        pass_fds: Sequence[int],
        on_line: Callable[[str], None] | None,
    ) -> None:
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._on_line = on_line
        self._started = time.monotonic()
        self._output, theirs = os.pipe()
        try:
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environ),
                pass_fds=tuple(pass_fds),
                stdin=subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._output)
            raise
        finally:
            os.close(theirs)
        self._tree = ProcessTree(self._process.pid)
        self._cpu_seconds = 0.0

    async def finish(self, limits: Limits, watched: Sequence[Path]) -> Stop | None:
        """Wait for the end, enforcing the limits; on cancellation, too, nothing is left running."""
        pump = asyncio.create_task(self._pump())
        ended = asyncio.create_task(_end_of(self._process.pid))
        try:
            stopped = await self._watch(ended, limits, watched)
        finally:
            self._tree.kill()
            status, used = await asyncio.shield(ended)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._seconds = time.monotonic() - self._started
            self._cpu_seconds = max(self._cpu_seconds, used.ru_utime + used.ru_stime)
            await asyncio.wait([pump], timeout=2)
            pump.cancel()
            await asyncio.wait([pump])
        return stopped

    def finished(self, isolation: LocalIsolation, stopped: Stop | None) -> Finished:
        """What is to be said about it now that it has ended."""
        return Finished(
            returncode=self._process.returncode,
            output_tail="\n".join(self._tail),
            seconds=self._seconds,
            cpu_seconds=self._cpu_seconds,
            peak_memory_mb=self._tree.peak_memory_mb,
            isolation=isolation,
            stopped=stopped,
        )

    async def _watch(self, ended: "asyncio.Task[object]", limits: Limits, watched: Sequence[Path]) -> Stop | None:
        looks = 0
        while not ended.done():
            use = self._tree.measure()
            self._cpu_seconds = max(self._cpu_seconds, use.cpu_seconds)
            if time.monotonic() - self._started > limits.seconds:
                return "time"
            if use.cpu_seconds > limits.cpu_seconds:
                return "cpu"
            if use.memory_mb > limits.memory_mb:
                return "memory"
            if use.processes > limits.processes:
                return "processes"
            looks += 1
            if looks % 20 == 0 and await asyncio.to_thread(_disk_mb, watched) > limits.disk_mb:
                return "disk"
            await asyncio.wait([ended], timeout=_SECONDS_BETWEEN_LOOKS)
        return None

    async def _pump(self) -> None:
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        pipe = os.fdopen(self._output, "rb", 0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
        partial = b""
        try:
            while chunk := await reader.read(2**16):
                *lines, partial = (partial + chunk).split(b"\n")
                for line in lines:
                    self._take(line)
                partial = partial[-_LINE_CHARACTERS:]  # a line without an end must not fill the memory
        finally:
            if partial:
                self._take(partial)
            transport.close()

    def _take(self, line: bytes) -> None:
        text = line[:_LINE_CHARACTERS].decode(errors="replace").rstrip("\r")
        self._tail.append(text)
        if self._on_line:
            self._on_line(text)


async def _end_of(pid: int) -> tuple[int, resource.struct_rusage]:
    """Wait status and use of a child when it ends; `os.wait4`, because Popen.wait does not tell the use."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:  # a kernel without pidfd; a waiting thread is dearer, and there are few of them
        _, status, used = await asyncio.to_thread(os.wait4, pid, 0)
        return status, used
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    _, status, used = os.wait4(pid, 0)  # noqa: ASYNC222 – it has ended, so this does not wait
    return status, used


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="jail-"))
    (path / "tmp").mkdir()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _disk_mb(paths: Sequence[Path]) -> float:
    total = 0
    for path in paths:
        for folder, _, names in os.walk(path):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(f"{folder}/{name}").st_blocks * 512
    return total / 2**20
