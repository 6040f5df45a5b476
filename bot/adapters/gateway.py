"""An index on loopback for uv that serves what another `Index` knows, so that all that uv saw can be kept."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web

from bot.adapters.uv import Answer, Job, Uv
from bot.core.errors import TryLater
from bot.core.packages import File, Index, IndexUnsuitable, PackageUnknown, Project

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(slots=True)
class Gateway:
    """The simple API (PEP 691, PEP 658) over an index; `url` is where it listens."""

    index: Index
    url: str = ""
    _places: list[str] = field(default_factory=list)
    _files: dict[str, File] = field(default_factory=dict)

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
        app.router.add_get("/files/{key}/{name}", self._metadata)
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
            url = self._places[int(request.match_info["place"])]
            page = await self.index.project(request.match_info["name"], url)
        except (PackageUnknown, ValueError, IndexError):
            return web.Response(status=404)
        except (TryLater, IndexUnsuitable):
            return web.Response(status=503)
        body = await asyncio.to_thread(self._document, page)
        return web.Response(body=body, content_type=JSON)

    def _document(self, page: Project) -> bytes:
        files = [self._file(file) for file in page.files]
        return json.dumps({"meta": {"api-version": "1.1"}, "name": page.name, "files": files}).encode()

    def _file(self, file: File) -> dict[str, Any]:
        key = file.sha256 or str(len(self._files))
        self._files[key] = file
        told: dict[str, Any] = {
            "filename": file.filename,
            "url": f"{self.url}/files/{key}/{file.filename}",
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

    async def _metadata(self, request: web.Request) -> web.Response:
        """The core metadata of a wheel; nothing else of a file is ever handed out."""
        file = self._files.get(request.match_info["key"])
        if file is None or not request.match_info["name"].endswith(".metadata"):
            return web.Response(status=404)
        try:
            return web.Response(text=await self.index.metadata(file))
        except (TryLater, IndexUnsuitable, PackageUnknown):
            return web.Response(status=404)


class GatewayUv(Uv):
    """uv that sees no index but a gateway; its answers name the indexes for which that stands."""

    def __init__(self, cache: Path, gateway: Gateway, environment: Mapping[str, str] | None = None) -> None:
        super().__init__(cache, environment=environment)
        self._gateway = gateway

    async def compile(self, job: Job) -> Answer:
        """The pins; raises what uv raises."""
        there = {source.url: self._gateway.of(source.url) for source in job.sources}
        sources = tuple(replace(source, url=there[source.url]) for source in job.sources)
        answer = await super().compile(replace(job, sources=sources))
        back = {address: url for url, address in there.items()}
        pins = {
            name: replace(pin, index=back.get(pin.index.rstrip("/"), pin.index)) for name, pin in answer.pins.items()
        }
        return Answer(pins, answer.hashes)
