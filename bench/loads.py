"""One server process under wrk's load: requests a second, latency, CPU per request and memory of its process tree."""

import contextlib
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

SLOW_SECONDS = 15.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure: how it is started (`{port}` is filled in) and what it is asked."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    path: str = "/predict"
    body: bytes | None = None
    start_seconds: float = 180.0
    slow: bool = False
    """Answers so few requests that it must be asked longer."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of wrk; latencies in milliseconds, CPU in microseconds per request, memory in MB."""

    concurrency: int
    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    pss_mb: float
    failed: int


@dataclass(slots=True)
class Running:
    """A started subject."""

    subject: Subject
    process: subprocess.Popen[bytes]
    port: int
    results: list[Measured] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.port}{self.subject.path}"

    def ask(self) -> bytes:
        """One answer; raises OSError."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, self.subject.body, headers)  # noqa: S310  # loopback
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # loopback
            return bytes(answer.read())

    def load(self, folder: Path, concurrency: int, seconds: float) -> Measured:
        """Ask as fast as wrk can for so long, and keep what came of it."""
        seconds = max(seconds, SLOW_SECONDS) if self.subject.slow else seconds
        before, begun = cpu_seconds(self.process.pid), time.monotonic()
        told = _wrk(folder, self, concurrency, seconds)
        spent, lasted = cpu_seconds(self.process.pid) - before, time.monotonic() - begun
        requests = int(_number(told, r"(\d+) requests in"))
        failed = int(_number(told, r"Non-2xx or 3xx responses: (\d+)"))
        failed += sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", told))
        latency = [_milliseconds(told, share) for share in ("50", "99")]
        cpu_us = 1e6 * spent / max(1, requests)
        found = Measured(
            concurrency, requests / lasted, latency[0], latency[1], cpu_us, pss_mb(self.process.pid), failed
        )
        self.results.append(found)
        return found


@contextlib.contextmanager
def running(subject: Subject, folder: Path) -> Iterator[Running]:
    """Start it, wait for its first right answer, and stop it with all its processes."""
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in subject.command]
    with (folder / f"{subject.name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=dict(subject.environ), cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        started = Running(subject, process, port)
        await_answer(started)
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def await_answer(started: Running, pause: float = 0.05) -> None:
    """Return with the first answer; raises TimeoutError or RuntimeError."""
    until = time.monotonic() + started.subject.start_seconds
    while True:
        if started.process.poll() is not None:
            raise RuntimeError(f"{started.subject.name} ended with status {started.process.returncode}")
        try:
            started.ask()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise TimeoutError(f"{started.subject.name} does not answer: {error}") from error
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    found = [pid]
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in children.read_text().split():
                found += tree(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of a process tree so far."""
    total = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def pss_mb(pid: int) -> float:
    """The proportional set size of a process tree."""
    total = 0
    for member in tree(pid):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
    return total / 1024


def middle(values: list[float]) -> float:
    """The median, NaN of nothing."""
    return statistics.median(values) if values else float("nan")


def _wrk(folder: Path, started: Running, concurrency: int, seconds: float) -> str:
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds:g}s", "--timeout", "30s", "--latency"]
    if started.subject.body is not None:
        script = folder / f"{started.subject.name}.lua"
        body = json.dumps(started.subject.body.decode())
        script.write_text(f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = {body}\n')
        command += ["-s", str(script)]
    return subprocess.run([*command, started.url], capture_output=True, text=True, check=True).stdout


def _number(told: str, pattern: str) -> float:
    found = re.search(pattern, told)
    return float(found[1]) if found else 0.0


def _milliseconds(told: str, share: str) -> float:
    found = re.search(rf"^\s+{share}%\s+([\d.]+)(us|ms|s|m)\s*$", told, re.MULTILINE)
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}[found[2]] if found else float("nan")
