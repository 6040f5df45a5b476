"""The server through its HTTP door: what it takes in, what it turns away, what it says when it cannot store."""

import asyncio
import gzip
import io
import json
import socket
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from bot.adapters.inbox import SqliteInbox
from bot.core.delivery import LARGEST_BODY
from bot.core.ports import Delivery, InboxUnavailable
from bot.service.web import PortTaken, create_app, start
from tests.service.letters import SECRET, envelope, sign

BODY = b'{"action": "opened"}'
EXAMPLES = Path(__file__).parents[1] / "data" / "deliveries" / "examples.json.gz"


@dataclass(slots=True)
class Door:
    """A running server, its inbox, and how often it said that something was stored."""

    url: str
    port: int
    inbox: SqliteInbox
    path: Path
    session: aiohttp.ClientSession
    heard: list[None] = field(default_factory=list)

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        async with self.session.post(f"{self.url}/webhook", data=io.BytesIO(body), headers=headers) as answer:
            said = await answer.json()
            return answer.status, said.get("message", "")

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as answer:
            return answer.status, await answer.text()

    async def stored(self) -> int:
        return (await self.inbox.depth()).unrouted


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    path = tmp_path / "inbox.sqlite"
    inbox = SqliteInbox(path, patience=0.05, most_bytes=40 * 1024 * 1024)

    async def ready() -> str | None:
        try:
            await inbox.probe()
        except InboxUnavailable as problem:
            return str(problem)
        return None

    heard: list[None] = []
    app = create_app(inbox, SECRET, ready=ready, stored=lambda: heard.append(None))
    runner = await start(app, "127.0.0.1", 0)
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:
        yield Door(f"http://127.0.0.1:{port}", port, inbox, path, session, heard)
    await runner.cleanup()
    inbox.close()


async def test_a_delivery_is_on_disk_when_it_is_acknowledged(door: Door) -> None:
    headers = envelope(BODY, "issues")
    assert await door.post(BODY, headers) == (202, "")
    other = sqlite3.connect(door.path)
    assert other.execute("SELECT id, kind, body FROM deliveries").fetchall() == [
        (headers["X-GitHub-Delivery"], "issues", BODY)
    ]
    other.close()
    assert len(door.heard) == 1


async def test_the_same_delivery_fifty_times_at_once_is_stored_once(door: Door) -> None:
    headers = envelope(BODY)
    answers = await asyncio.gather(*(door.post(BODY, headers) for _ in range(50)))
    assert set(answers) == {(202, "")}
    assert await door.stored() == 1
    assert len(door.heard) == 1


async def test_a_captured_body_with_a_fresh_id_is_answered_and_has_no_effect(door: Door) -> None:
    for _ in range(2):
        assert await door.post(BODY, envelope(BODY)) == (202, "")
    assert await door.stored() == 1


async def test_strangers_store_nothing_and_see_no_failure(door: Door) -> None:
    wrong = [
        (BODY, envelope(BODY, x_hub_signature_256=None), 401),
        (BODY, envelope(BODY, x_hub_signature_256=sign(BODY, "a guess of the secret")), 401),
        (b"{", envelope(b"{", x_hub_signature_256=sign(BODY)), 401),
        (BODY, envelope(BODY, x_github_event=None), 400),
        (BODY, envelope(BODY, x_github_delivery="x" * 7_000), 400),
        (b"{", envelope(b"{"), 400),
        (b"[" * 100_000, envelope(b"[" * 100_000), 400),
        (gzip.compress(BODY), envelope(gzip.compress(BODY), content_encoding="gzip"), 415),
        (BODY, envelope(BODY, content_type="text/plain"), 415),
    ]
    for body, headers, status in wrong:
        assert (await door.post(body, headers))[0] == status
    assert await door.stored() == 0
    assert door.heard == []


async def test_two_signatures_on_the_wire_are_refused(door: Door) -> None:
    lines = [f"{name}: {value}" for name, value in envelope(BODY).items()]
    lines += [f"X-Hub-Signature-256: sha256={'0' * 64}", f"Content-Length: {len(BODY)}", "Host: x", "Connection: close"]
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.write(("POST /webhook HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode() + BODY)
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert await door.stored() == 0


async def test_a_body_that_is_too_large_is_turned_away_before_it_has_come(door: Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as stranger:
        stranger.settimeout(0)
        loop = asyncio.get_running_loop()
        head = f"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
        await loop.sock_sendall(stranger, head.encode())
        assert (await loop.sock_recv(stranger, 100)).startswith(b"HTTP/1.1 413 ")


async def test_a_body_of_untold_length_is_read_no_further_than_the_bound(door: Door) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 4 * LARGEST_BODY:
            sent += 1024 * 1024
            yield b"x" * (1024 * 1024)

    try:
        async with door.session.post(f"{door.url}/webhook", data=endless(), headers=envelope(b"")) as answer:
            assert answer.status == 413
    except aiohttp.ClientConnectionError:
        pass  # the server hung up while we were still sending
    assert sent < 2 * LARGEST_BODY
    assert await door.stored() == 0


async def test_a_large_delivery_is_taken_while_others_are_served(door: Door) -> None:
    large = b'{"text": "' + b"x" * 20_000_000 + b'"}'
    slow = asyncio.create_task(door.post(large, envelope(large)))
    small = await asyncio.gather(*(door.post(body, envelope(body)) for body in (b"[%d]" % n for n in range(20))))
    assert {status for status, _ in [*small, await slow]} == {202}
    assert await door.stored() == 21


async def test_a_sender_that_hangs_up_stores_nothing_and_harms_nobody(door: Door) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in envelope(BODY).items())
    writer.write(f"POST /webhook HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 20\r\n\r\n".encode() + BODY[:5])
    await writer.drain()
    writer.close()
    assert await door.post(BODY, envelope(BODY)) == (202, "")
    assert await door.stored() == 1


async def test_what_cannot_be_stored_is_not_acknowledged(door: Door) -> None:
    other = sqlite3.connect(door.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    status, sentence = await door.post(BODY, envelope(BODY))
    assert (status, sentence) == (503, "The delivery could not be stored now; redeliver it later.")
    status, text = await door.get("/readyz")
    assert status == 503
    assert "locked" in json.loads(text)["reason"]
    assert (await door.get("/livez"))[0] == 200
    other.execute("ROLLBACK")
    other.close()
    assert await door.get("/readyz") == (200, '{"ready": true}')
    assert await door.post(BODY, envelope(BODY)) == (202, "")


async def test_a_full_disk_is_answered_with_503_and_nothing_acknowledged_is_missing(door: Door) -> None:
    acknowledged = 0
    for n in range(6):
        body = b'"%d' % n + b"x" * 9_000_000 + b'"'
        status, _ = await door.post(body, envelope(body))
        assert status in {202, 503}
        acknowledged += status == 202
    assert 2 <= acknowledged <= 5
    assert await door.stored() == acknowledged


async def test_every_example_that_github_publishes_is_taken_in(door: Door) -> None:
    examples: dict[str, list[object]] = json.loads(gzip.decompress(EXAMPLES.read_bytes()))
    bodies = [(kind, json.dumps(body).encode()) for kind, payloads in examples.items() for body in payloads]
    assert len(bodies) > 300
    answers = await asyncio.gather(*(door.post(body, envelope(body, kind)) for kind, body in bodies))
    assert set(answers) == {(202, "")}
    assert await door.stored() == len(set(bodies))


async def test_counts_are_there_to_be_scraped(door: Door) -> None:
    headers = envelope(BODY)
    await door.post(BODY, headers)
    await door.post(BODY, headers)
    await door.post(BODY, {})
    _, text = await door.get("/metrics")
    assert 'bolide_deliveries_total{outcome="stored"} 1' in text
    assert 'bolide_deliveries_total{outcome="repeated"} 1' in text
    assert 'bolide_deliveries_total{outcome="rejected_401"} 1' in text


@pytest.mark.parametrize("secret", ["", "short", "fifteen letters"])
async def test_a_server_without_a_good_secret_does_not_start(tmp_path: Path, secret: str) -> None:
    inbox = SqliteInbox(tmp_path / "inbox.sqlite")

    async def ready() -> str | None:
        return None

    with pytest.raises(ValueError, match="set GITHUB_WEBHOOK_SECRET"):
        create_app(inbox, secret, ready=ready)
    await inbox.put(Delivery(str(uuid4()), "push", BODY))
    inbox.close()


async def test_a_taken_port_is_named_with_the_remedy(door: Door) -> None:
    async def ready() -> str | None:
        return None

    with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{door.port} .*; free it, or set BOLIDE_PORT"):
        await start(create_app(door.inbox, SECRET, ready=ready), "127.0.0.1", door.port)
