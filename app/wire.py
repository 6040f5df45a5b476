"""Uvicorn's connection, but with the head and the body of an answer in one send.

Each send goes through the whole of TCP and wakes the caller: two of them are a tenth of what a prediction costs.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Gathering(asyncio.Transport):
    """Holds what is written for the next write, for the loop's next turn at the latest."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport, self._loop = transport, loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this together with what is held, or hold it."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif data:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What asyncio knows of the connection."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Leave what the caller sends where it is."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take in again what the caller sends."""
        self._transport.resume_reading()


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol on a `Gathering` transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn declares it
        """Begin to serve a caller."""
        super().connection_made(Gathering(transport, self.loop))
