"""A child process in a session of its own, within limits: all of its group ends with the call that started it."""

import asyncio
import contextlib
import os
import resource
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LONGEST = 2**24
"""Bytes that are kept of what a child says; it may say more."""
Heard = Literal["output", "errors", "both"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use: seconds of wall and CPU time, bytes of address space; None: as much as there is."""

    seconds: float
    cpu_seconds: int | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended, negative for a signal, and what it said on the streams that were heard."""

    code: int
    said: bytes

    @property
    def text(self) -> str:
        """What it said, as text."""
        return self.said.decode("utf-8", "replace")


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    environ: Mapping[str, str],
    limits: Limits,
    heard: Heard,
    given: bytes = b"",
    longest: int = LONGEST,
) -> Ended:
    """Give the child its standard input and hear it to its end; it sees `environ` and nothing of this process's.

    Raises TimeoutError, and OSError where it cannot be started. Also when it is cancelled, nothing is left running.
    """
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=dict(environ),
        stdin=pipe if given else nothing,
        stdout=nothing if heard == "errors" else pipe,
        stderr={"output": nothing, "errors": pipe, "both": asyncio.subprocess.STDOUT}[heard],
        start_new_session=True,
    )
    try:
        _bound(process.pid, limits)
        async with asyncio.timeout(limits.seconds):
            said = await _converse(process, given, longest)
            return Ended(await process.wait(), said)
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.communicate()  # what is left in the pipe, so that it closes


def _bound(pid: int, limits: Limits) -> None:
    bounds = ((resource.RLIMIT_AS, limits.memory), (resource.RLIMIT_CPU, limits.cpu_seconds))
    with contextlib.suppress(ProcessLookupError):  # a mistake in its input ends a child within milliseconds
        for kind, most in bounds:
            if most is not None:
                resource.prlimit(pid, kind, (most, most))


async def _converse(process: asyncio.subprocess.Process, given: bytes, longest: int) -> bytes:
    """What the child says, its beginning where it is too long, after it was given its input."""
    if process.stdin:
        process.stdin.write(given)
        process.stdin.close()
    stream = process.stdout or process.stderr
    if stream is None:
        raise RuntimeError("the child was started without its pipes")
    said = bytearray()
    while chunk := await stream.read(2**16):
        said += chunk[: max(0, longest - len(said))]
    return bytes(said)
