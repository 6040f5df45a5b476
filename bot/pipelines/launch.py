"""Start a server that stops with its supervisor: `python launch.py PARENT SOCKETS COMMAND...`, standard library only.

SOCKETS are descriptors, such as 7,9. They are handed over as systemd does it: from 3 on, LISTEN_FDS of them.

The supervisor may be killed with no chance to stop its servers. Linux then sends them SIGTERM (PR_SET_PDEATHSIG
of prctl, which outlives the exec below), so that the port is free for the next supervisor.
"""

import ctypes
import fcntl
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


_FIRST = 3


def main(parent: int, sockets: list[int], command: list[str]) -> None:
    """Become the command; exit 1 where the parent has gone meanwhile."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    _hand_over(sockets)
    os.execvp(command[0], command)  # noqa: S606 - a list without a shell, from the supervisor


def _hand_over(sockets: list[int]) -> None:
    # Out of the way first: the place of one may be where another lies.
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FIRST + len(sockets)) for descriptor in sockets]
    for number, descriptor in enumerate(moved):
        os.dup2(descriptor, _FIRST + number)
        os.close(descriptor)
    for descriptor in sockets:
        if descriptor >= _FIRST + len(sockets):
            os.close(descriptor)
    os.environ.update(LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(os.getpid()))


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(number) for number in sys.argv[2].split(",")], sys.argv[3:])
