"""Start a server that stops with its supervisor: `python launch.py PARENT COMMAND...`, standard library only.

The supervisor may be killed with no chance to stop its servers. Linux then sends them SIGTERM (PR_SET_PDEATHSIG
of prctl, which outlives the exec below), so that the port is free for the next supervisor.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Become the command; exit 1 where the parent has gone meanwhile."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 - a list without a shell, from the supervisor


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
