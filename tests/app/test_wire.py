"""What leaves for a caller in one send, and when."""

import asyncio

from app.wire import Gathering


class Sends(asyncio.Transport):
    """A connection that keeps what is sent on it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_head_and_body_leave_together_and_a_head_alone_waits_for_one_turn() -> None:
    sends = Sends()
    wire = Gathering(sends, asyncio.get_running_loop())
    for part in (b"head, ", b"body", b""):
        wire.write(part)
    assert sends.sent == [b"head, body"]

    wire.write(b"a head whose body takes long, ")
    assert len(sends.sent) == 1
    await asyncio.sleep(0)
    wire.write(b"the body")
    await asyncio.sleep(0)
    assert sends.sent[1:] == [b"a head whose body takes long, ", b"the body"]


async def test_what_is_held_leaves_before_the_connection_closes() -> None:
    sends = Sends()
    wire = Gathering(sends, asyncio.get_running_loop())
    wire.write(b"the last word")
    wire.close()
    assert (sends.sent, sends.closed, wire.is_closing()) == ([b"the last word"], True, True)
    await asyncio.sleep(0)
    assert len(sends.sent) == 1
