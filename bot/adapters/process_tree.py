"""What a process and all it started use, read from /proc, and the end of them all."""

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Use:
    """What the living members of a tree use at one moment."""

    processes: int
    memory_mb: float
    cpu_seconds: float
    """Of all members ever seen, also those that have ended."""


@dataclass(frozen=True, slots=True)
class _Stat:
    parent: int
    started: int
    cpu_seconds: float
    memory_mb: float


class ProcessTree:
    """Follows one process and its descendants; a member stays one when its parent ends."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._members: dict[int, int] = {}
        self._cpu: dict[tuple[int, int], float] = {}
        self.peak_memory_mb = 0.0
        """The highest sum of resident memory seen so far; a single process's own peak is never missed."""

    def measure(self) -> Use:
        """Read /proc once and remember who belongs to the tree."""
        living = _processes()
        self._admit(living)
        memory, peak_of_one = 0.0, 0.0
        for pid, started in self._members.items():
            stat = living[pid]
            memory += stat.memory_mb
            peak_of_one = max(peak_of_one, _own_peak_mb(pid))
            self._cpu[pid, started] = stat.cpu_seconds
        self.peak_memory_mb = max(self.peak_memory_mb, memory, peak_of_one)
        return Use(len(self._members), memory, sum(self._cpu.values()))

    def kill(self) -> None:
        """Kill the process group of the root and every member seen, again until no new one appears."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._root, signal.SIGKILL)
        for _ in range(5):
            self._admit(_processes())
            if not self._members:
                return
            for pid in self._members:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _admit(self, living: dict[int, _Stat]) -> None:
        # The start time tells a member from a stranger that was given the same number later.
        members = {pid for pid, began in self._members.items() if pid in living and living[pid].started == began}
        if self._root in living:
            members.add(self._root)
        children: dict[int, list[int]] = {}
        for pid, stat in living.items():
            children.setdefault(stat.parent, []).append(pid)
        waiting = list(members)
        while waiting:
            for child in children.get(waiting.pop(), ()):
                if child not in members:
                    members.add(child)
                    waiting.append(child)
        self._members = {pid: living[pid].started for pid in members}


def _processes() -> dict[int, _Stat]:
    found = {}
    for name in os.listdir(_PROC):  # noqa: PTH208 – names only, several times a second
        if name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(name)] = _stat((_PROC / name / "stat").read_text(errors="replace"))
    return found


def _stat(line: str) -> _Stat:
    # The command name, in parentheses, may hold spaces and parentheses: fields are counted after the last one.
    fields = line.rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ValueError("it has ended")
    cpu = (int(fields[11]) + int(fields[12])) / _TICKS
    return _Stat(int(fields[1]), int(fields[19]), cpu, int(fields[21]) * _PAGE_MB)


def _own_peak_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "status").read_text(errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
