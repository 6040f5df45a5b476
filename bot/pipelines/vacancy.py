"""What the public port answers while no release serves: 503, at once, instead of a connection that hangs."""

import asyncio
import contextlib
import json
import socket

_PROBLEM = {
    "type": "about:blank",
    "title": "Nothing is deployed yet",
    "status": 503,
    "detail": "The port is kept for the service; it answers after its first deployment.",
}


class Vacancy:
    """Answers every request on a listening socket with 503 until it is closed; the socket stays open."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to answer."""
        self._server = await asyncio.start_server(_answer, sock=self._listener.dup())

    async def close(self) -> None:
        """Leave new connections to others; those that were accepted are answered still."""
        if self._server:
            self._server.close()
        self._server = None


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    body = json.dumps(_PROBLEM).encode()
    head = (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 5\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        async with asyncio.timeout(5):
            await reader.readuntil(b"\r\n\r\n")
        writer.write(head.encode() + body)
        await writer.drain()
    writer.close()
