"""`python -m app.serve`: the service on the sockets that it is handed, or on a port of its own.

Sockets are handed over as systemd does it: LISTEN_FDS of them, the first with descriptor 3, for the process LISTEN_PID.
SIGTERM drains: no new connection is taken, what is under way is answered, and kept connections are told to go.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from types import FrameType

import uvicorn

from app.door import Door
from app.service import Service
from app.slot import LOOK_SECONDS
from app.wire import Connection

FIRST_DESCRIPTOR = 3
KEEP_ALIVE_SECONDS = 75
PARTING_SECONDS = 3.0
"""So long a kept connection may stay silent before it is closed while the server drains."""
GRACE_SECONDS = 5
MOST_CONNECTIONS = 1000
BACKLOG = 2048


class Server(uvicorn.Server):
    """Uvicorn that closes no kept connection on which a request may be under way."""

    def __init__(self, config: uvicorn.Config, door: Door) -> None:
        super().__init__(config)
        self._door = door

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave new connections to others, let kept ones end with their next answer, then stop."""
        self._door.closing = True
        for server in self.servers:
            server.close()
        waited = 0.0
        while self.server_state.connections and waited < PARTING_SECONDS and not self.force_exit:
            await asyncio.sleep(0.05)
            waited += 0.05
        await super().shutdown(sockets)


def handed(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """The listening sockets that were handed to this process, none when they are for another; raises ValueError."""
    if environ.get("LISTEN_PID") != str(pid):
        return []
    count = environ.get("LISTEN_FDS", "")
    if not count.isdigit() or not 0 < int(count) < 100:
        raise ValueError(f"LISTEN_FDS is {count!r}, not the number of sockets that were handed over.")
    return [socket.socket(fileno=FIRST_DESCRIPTOR + number) for number in range(int(count))]


def listening(host: str, port: int) -> socket.socket:
    """A socket of our own; raises OSError."""
    # Made anew from its descriptor: only then does it know its protocol, without which asyncio leaves TCP_NODELAY off.
    return socket.socket(fileno=socket.create_server((host, port), backlog=BACKLOG).detach())


def write(line: bytes) -> None:
    """One line of the access log: a single write, so that lines of several processes do not mix."""
    os.write(1, line)


def main(arguments: Sequence[str]) -> int:
    """Serve until told to stop; exit 0 then, 1 with one sentence when there is nothing to listen on."""
    parser = argparse.ArgumentParser(prog="python -m app.serve", description="Serves the model in MODEL_DIR.")
    # A container says by PORT where it is asked, and is asked from outside of it.
    host, port = ("0.0.0.0", os.environ["PORT"]) if "PORT" in os.environ else ("127.0.0.1", "8000")  # noqa: S104
    parser.add_argument("--host", default=host, help="the address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=port, help="the port; PORT names it too (default: %(default)s)")
    told = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    try:
        sockets = handed(os.environ, os.getpid()) or [listening(told.host, told.port)]
    except (OSError, ValueError) as problem:
        print(f"Cannot listen on {told.host}:{told.port} ({problem}): choose another --port.", file=sys.stderr)
        return 1
    run(Service.of(sink=write), sockets)
    return 0


def run(service: Service, sockets: list[socket.socket]) -> None:
    """Serve on the sockets until SIGTERM or SIGINT, and take in each new model meanwhile."""
    door, stopped = Door(service), threading.Event()
    config = uvicorn.Config(
        door,
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
        limit_concurrency=MOST_CONNECTIONS,
        backlog=BACKLOG,
    )
    threading.Thread(target=attend, args=(service, stopped), name="slot", daemon=True).start()
    try:
        Server(config, door).run(sockets)
    finally:
        stopped.set()


def attend(service: Service, stopped: threading.Event) -> None:
    """Do what the first prediction does not wait for: load the figures, then look after each new model."""
    if not stopped.wait(LOOK_SECONDS):
        service.meters.load()
        service.slot.watch(stopped)


def leave(number: int, frame: FrameType | None) -> None:
    """End with exit status 0: for a signal before the server takes care of it, and when it is raised again after."""
    raise SystemExit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
