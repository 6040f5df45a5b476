"""Webhooks: events become signed deliveries, sent after the write, kept, and never retried by themselves."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import replace

import aiohttp

from bot.sandbox.entities import App, Installation, Json
from bot.sandbox.forge import Emitted, Forge, node_id
from bot.sandbox.records import Delivery
from bot.sandbox.shapes.accounts import user
from bot.sandbox.shapes.repositories import repository as repository_shape

TIMEOUT = 10.0  # seconds, GitHub's
AT_ONCE = 8
KEPT_RESPONSE = 65_536  # characters
ALWAYS_SENT = frozenset({"installation", "installation_repositories", "ping"})
SECRET_HEADERS = frozenset({"authorization", "cookie"})


class Hooks:
    """The background sender."""

    def __init__(self, forge: Forge, observe: Callable[[str, Json], None] | None = None) -> None:
        self.forge = forge
        self.observe = observe
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the client and send what a restart left unsent."""
        self._session = aiohttp.ClientSession(auto_decompress=True)
        for app in self.forge.store.all(App):
            for delivery in self.forge.store.all(Delivery, app.id):
                if not delivery.status:
                    self._schedule(delivery)

    async def stop(self) -> None:
        """Stop sending; what is unsent is sent at the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def idle(self) -> None:
        """Wait until everything that was emitted has been answered or has failed."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def emit(self, emitted: Emitted) -> None:
        """Store a delivery for each installed App that listens, and send it in the background."""
        for installation in self._listeners(emitted):
            app = self.forge.store.get(App, installation.app_id)
            if app is None:
                continue
            payload = self._payload(emitted, installation)
            if self.observe is not None:
                self.observe(emitted.event, payload)
            if not app.webhook_url:
                continue
            repository_id = emitted.repository.id if emitted.repository else 0
            row = Delivery(
                0, app.id, str(uuid.uuid4()), emitted.event, emitted.action, installation.id, repository_id,
                json.dumps(payload), self.forge.now(),
            )  # fmt: skip
            self._schedule(self.forge.store.add(row))

    def ping(self, app: App) -> None:
        """Send the App the `ping` that GitHub sends when a webhook is set."""
        hook = {
            "type": "App",
            "id": app.id,
            "name": "web",
            "active": True,
            "events": list(app.events),
            "config": {"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": app.webhook_url},
            "updated_at": app.created,
            "created_at": app.created,
            "app_id": app.id,
            "url": self.forge.api("/app/hook/config"),
            "ping_url": self.forge.api("/app/hook/pings"),
            "deliveries_url": self.forge.api("/app/hook/deliveries"),
        }
        payload = {"zen": "Keep it logically awesome.", "hook_id": app.id, "hook": hook}
        if self.observe is not None:
            self.observe("ping", payload)
        row = Delivery(0, app.id, str(uuid.uuid4()), "ping", None, 0, 0, json.dumps(payload), self.forge.now())
        self._schedule(self.forge.store.add(row))

    def redeliver(self, delivery: Delivery) -> Delivery:
        """A new attempt with the same GUID and payload."""
        fresh = replace(
            delivery, id=0, created=self.forge.now(), redelivery=True, status="", status_code=0, duration=0.0,
            request_headers=None, response_headers=None, response_body=None,
        )  # fmt: skip
        stored = self.forge.store.add(fresh)
        self._schedule(stored)
        return stored

    def _listeners(self, emitted: Emitted) -> list[Installation]:
        if emitted.installation is not None:
            return [emitted.installation]
        repository = emitted.repository
        found = self.forge.store.all(Installation)
        return [
            each
            for each in found
            if repository is not None
            and repository.id in each.repository_ids
            and (emitted.event in each.events or emitted.event in ALWAYS_SENT)
        ]

    def _payload(self, emitted: Emitted, installation: Installation) -> Json:
        payload: Json = {"action": emitted.action} if emitted.action else {}
        payload |= emitted.payload
        if emitted.repository is not None:
            payload["repository"] = repository_shape(self.forge, emitted.repository)
            payload["installation"] = {
                "id": installation.id,
                "node_id": node_id("MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u", installation.id),
            }
        payload["sender"] = user(self.forge, emitted.sender)
        return payload

    def _schedule(self, delivery: Delivery) -> None:
        task = asyncio.get_running_loop().create_task(self._send(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, delivery: Delivery) -> None:
        app = self.forge.store.get(App, delivery.app_id)
        if app is None or self._session is None:
            return
        body = delivery.payload.encode()
        headers = headers_for(app, delivery, body)
        async with self._slots:
            started = time.monotonic()
            ended = await self._post(app.webhook_url, body, headers)
        ended = replace(
            ended_as(delivery, ended), duration=round(time.monotonic() - started, 2), request_headers=headers
        )
        with contextlib.suppress(Exception):
            self.forge.store.put(ended)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Delivery:
        assert self._session is not None  # noqa: S101
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        blank = Delivery(0, 0, "", "", None, 0, 0, "", "")
        try:
            async with self._session.post(
                url, data=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as answer:
                text = (await answer.content.read(KEPT_RESPONSE)).decode(errors="replace")
                status = "OK" if answer.status < 300 else f"Invalid HTTP Response: {answer.status}"
                kept = {name: value for name, value in answer.headers.items() if name.lower() not in SECRET_HEADERS}
                return replace(
                    blank, status=status, status_code=answer.status, response_headers=kept, response_body=text
                )
        except TimeoutError:
            return replace(blank, status="timed out", status_code=0)
        except (aiohttp.ClientError, OSError, ValueError):
            return replace(blank, status="failed to connect to host", status_code=502)


def ended_as(delivery: Delivery, outcome: Delivery) -> Delivery:
    """The delivery with the outcome of its attempt."""
    return replace(
        delivery,
        status=outcome.status,
        status_code=outcome.status_code,
        response_headers=outcome.response_headers,
        response_body=outcome.response_body,
    )


def headers_for(app: App, delivery: Delivery, body: bytes) -> dict[str, str]:
    """The headers that GitHub sends, signed with the App's secret when it has one."""
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": f"GitHub-Hookshot/{hashlib.sha256(app.slug.encode()).hexdigest()[:7]}",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-ID": str(app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    if app.webhook_secret:
        key = app.webhook_secret.encode()
        headers["X-Hub-Signature"] = f"sha1={hmac.new(key, body, hashlib.sha1).hexdigest()}"
        headers["X-Hub-Signature-256"] = f"sha256={hmac.new(key, body, hashlib.sha256).hexdigest()}"
    return headers
