"""An index on loopback for uv that serves what another `Index` knows, so that all that uv saw can be kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.adapters.listing import Listing, file_named
from bot.adapters.uv import Answer, Job, Uv
from bot.core.errors import Refused, TryLater
from bot.core.packages import File, Index, IndexUnsuitable, PackageUnknown, Project

JSON = "application/vnd.pypi.simple.v1+json"
_PASSING = {"Cache-Control": "no-store"}
_FOR_GOOD = {"Cache-Control": "max-age=31536000, immutable"}


@dataclass(slots=True)
class Gateway:
    """The simple API (PEP 691, PEP 658) over an index; `url` is where it listens."""

    index: Index
    url: str = ""
    _places: list[str] = field(default_factory=list)

    def of(self, index: str) -> str:
        """The address here that stands for an index."""
        if index not in self._places:
            self._places.append(index)
        return f"{self.url}/{self._places.index(index)}/simple"

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Gateway"]:
        """It answers on a port of its own until the block ends."""
        app = web.Application()
        app.router.add_get("/{place}/simple/{name}/", self._page)
        app.router.add_get("/{place}/simple/{name}/files/{number}/{file}", self._metadata)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        try:
            page = await self._read(request)
        except (PackageUnknown, ValueError, IndexError):
            return web.Response(status=404)
        except (TryLater, IndexUnsuitable):
            return web.Response(status=503)
        return web.Response(body=await asyncio.to_thread(_document, page), content_type=JSON, headers=_PASSING)

    async def _read(self, request: web.Request) -> Project:
        """The page; once read, it is the same until the gateway closes or the index has been asked anew."""
        name, url = request.match_info["name"], self._places[int(request.match_info["place"])]
        return await self.index.project(name, url)

    async def _metadata(self, request: web.Request) -> web.Response:
        """The core metadata of a wheel; nothing else of a file is ever handed out."""
        asked = request.match_info["file"]
        try:
            file = file_named(await self._read(request), asked.removesuffix(".metadata"))
            if file is None or not asked.endswith(".metadata"):
                return web.Response(status=404)
            return web.Response(text=await self.index.metadata(file), headers=_FOR_GOOD)
        except (TryLater, IndexUnsuitable, PackageUnknown, ValueError, IndexError):
            return web.Response(status=404)


def _document(page: Project) -> bytes:
    if isinstance(page.releases, Listing):
        return page.releases.document()
    files = [_told(number, file) for number, file in enumerate(page.files)]
    return json.dumps({"meta": {"api-version": "1.1"}, "name": page.name, "files": files}).encode()


def _told(number: int, file: File) -> dict[str, Any]:
    told: dict[str, Any] = {
        "filename": file.filename,
        "url": f"files/{number}/{file.filename}",
        "hashes": {"sha256": file.sha256} if file.sha256 else {},
        "yanked": file.yanked,
        "core-metadata": file.kind == "wheel",
    }
    if file.requires_python:
        told["requires-python"] = file.requires_python
    if file.size is not None:
        told["size"] = file.size
    if file.upload_time:
        told["upload-time"] = file.upload_time.isoformat().replace("+00:00", "Z")
    return told


class GatewayUv(Uv):
    """uv that resolves with no index in sight but a gateway; its answers name the indexes for which that stands.

    `passing` is the cache for what comes from the gateway, whose address is another each time; by default `cache`.
    """

    def __init__(self, cache: Path, gateway: Gateway, *, passing: Path | None = None, **options: Any) -> None:
        super().__init__(cache, **options)
        self._gateway = gateway
        self._near = Uv(passing or cache, **{key: value for key, value in options.items() if key != "max_age"})

    async def compile(self, job: Job) -> Answer:
        """The pins; raises what uv raises."""
        there = {source.url: self._gateway.of(source.url) for source in job.sources}
        sources = tuple(replace(source, url=there[source.url]) for source in job.sources)
        back = {address: url for url, address in there.items()}
        try:
            answer = await self._near.compile(replace(job, sources=sources))
        except (Refused, TryLater) as problem:
            _rename(problem, back)
            raise
        pins = {
            name: replace(pin, index=back.get(pin.index.rstrip("/"), pin.index)) for name, pin in answer.pins.items()
        }
        return Answer(pins, answer.hashes)


def _rename(problem: Exception, back: Mapping[str, str]) -> None:
    """Let a sentence name the indexes for which the gateway's addresses stand."""
    sentence = str(problem)
    for address, url in back.items():
        sentence = sentence.replace(address, url.rstrip("/"))
    problem.args = (sentence, *problem.args[1:])
