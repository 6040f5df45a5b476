"""A sandbox for tests: on a free port, every exchange and webhook judged by GitHub's own descriptions."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox import Sandbox, running_sandbox
from bot.sandbox.entities import Json
from bot.sandbox.limits import Allowance
from bot.sandbox.server import Options
from tests.sandbox.official import exchange_problems, webhook_problems


@asynccontextmanager
async def judged_sandbox(
    state: Path,
    *,
    port: int = 0,
    judged: bool = True,
    limits: bool = False,
    allowance: Allowance | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[Sandbox]:
    """A running sandbox; leaving it fails when an exchange or webhook was not as GitHub describes."""
    problems: list[str] = []
    options = Options(
        limits=limits,
        allowance=allowance or Allowance(),
        clock=clock,
        observe_exchange=(lambda exchange: problems.extend(exchange_problems(exchange))) if judged else None,
        observe_webhook=(lambda event, payload: problems.extend(webhook_problems(event, payload))) if judged else None,
    )
    async with running_sandbox(state, port, options) as sandbox:
        yield sandbox
    assert not problems, "not as GitHub describes:\n" + "\n".join(dict.fromkeys(problems))


@dataclass(frozen=True)
class Client:
    """A small JSON client that acts as one person or bot."""

    session: aiohttp.ClientSession
    sandbox: Sandbox

    async def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """The status and parsed answer of a REST request."""
        url = f"{self.sandbox.api_url}{path}"
        async with self.session.request(method, url, json=body, headers=headers) as answer:
            text = (await answer.read()).decode(errors="replace")
            return answer.status, (await answer.json() if text and "json" in answer.content_type else text)

    async def graphql(self, query: str, **variables: Any) -> Json:
        """The body of a GraphQL answer."""
        url = self.sandbox.graphql_url
        async with self.session.post(url, json={"query": query, "variables": variables}) as answer:
            body: Json = await answer.json()
            return body


@asynccontextmanager
async def client_with(sandbox: Sandbox, token: str) -> AsyncIterator[Client]:
    """A client that sends a token or JWT."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        yield Client(session, sandbox)


@asynccontextmanager
async def as_user(sandbox: Sandbox, login: str) -> AsyncIterator[Client]:
    """A client that acts as the person."""
    async with client_with(sandbox, sandbox.token(login)) as client:
        yield client


@dataclass(frozen=True)
class Receiver:
    """A webhook receiver that keeps what it is sent."""

    url: str
    received: list[tuple[dict[str, str], bytes]]
    answers: list[int]


@asynccontextmanager
async def webhook_receiver() -> AsyncIterator[Receiver]:
    """A receiver on loopback; `answers` holds the statuses to give first, then 202."""
    received: list[tuple[dict[str, str], bytes]] = []
    answers: list[int] = []

    async def take(request: web.Request) -> web.Response:
        received.append((dict(request.headers), await request.read()))
        return web.Response(status=answers.pop(0) if answers else 202)

    app = web.Application(client_max_size=25 * 1024 * 1024)
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        yield Receiver(f"http://127.0.0.1:{port}/", received, answers)
    finally:
        await runner.cleanup()


def key_pair() -> tuple[str, str]:
    """A fresh RSA pair as PEM: private, public."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
