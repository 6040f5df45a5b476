"""The service as ASGI: `POST /predict` goes straight to the predictor, all else to Flask.

Flask's own dispatch costs more than the answer itself. The code, checks, metrics and log are the same either way.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from a2wsgi import WSGIMiddleware

from app.predictor import MOST_BODY_BYTES, TOO_LARGE, Reply
from app.service import Service

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PREDICT = "/predict"
INLINE_BYTES = 16 * 1024
"""A body up to here is answered in less time than a thread takes to start on it."""
THREADS = 8


class CallerGone(Exception):
    """The caller has hung up before the end of the body."""


class Door:
    """The ASGI callable; once `closing`, every answer tells its caller to come back on another connection."""

    def __init__(self, service: Service) -> None:
        self.closing = False
        self._service = service
        self._site: WSGIMiddleware | None = None
        self._loading = threading.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == PREDICT and scope["method"] == "POST":
            await self._predict(scope, receive, send)
        else:
            site = await asyncio.to_thread(self._load) if self._site is None else self._site
            await site(scope, receive, self._parting(send))  # type: ignore[arg-type]

    def _load(self) -> WSGIMiddleware:
        """Flask's side, loaded by the first request for it: the first prediction does not wait for that."""
        with self._loading:
            if self._site is None:
                from app.site import make_site

                self._site = WSGIMiddleware(make_site(self._service), workers=THREADS)  # type: ignore[arg-type]
            return self._site

    async def _predict(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        kind = headers.get(b"content-type", b"").decode("latin-1")
        coding = headers.get(b"content-encoding", b"").decode("latin-1")
        try:
            body = await _body(receive, headers.get(b"content-length", b"0"))
        except CallerGone:
            return
        predictor = self._service.predictor
        if body is None:
            reply = Reply.of(TOO_LARGE)
        elif len(body) <= INLINE_BYTES and "png" not in kind:
            reply = predictor.reply(body, kind, coding)
        else:
            reply = await asyncio.to_thread(predictor.reply, body, kind, coding)
        await self._say(reply, send)
        self._service.journal.note("POST", PREDICT, PREDICT, reply.status, started)

    async def _say(self, reply: Reply, send: Send) -> None:
        said = [(b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % len(reply.body))]
        said += self._service.encoded_headers()
        if self.closing:
            said.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": reply.status, "headers": said})
        await send({"type": "http.response.body", "body": reply.body})

    def _parting(self, send: Send) -> Send:
        async def say(message: Message) -> None:
            if self.closing and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        return say


async def _body(receive: Receive, length: bytes) -> bytes | None:
    """The whole body; None as soon as it is said, or turns out, to be too long. Raises CallerGone."""
    if length.isdigit() and int(length[:20]) > MOST_BODY_BYTES:
        return None
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MOST_BODY_BYTES:
            return None
    return body
