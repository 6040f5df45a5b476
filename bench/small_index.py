"""A package index on loopback that counts what it is asked, with the headers of caching that PyPI sends."""

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

_JSON = "application/vnd.pypi.simple.v1+json"
_FRESH = {"Cache-Control": "max-age=600, public"}


class SmallIndex:
    """So many packages of three releases each, in a ring: each one needs the next."""

    def __init__(self, packages: int) -> None:
        self.names = [f"pkg-{number}" for number in range(packages)]
        self.url = ""
        self.requests = 0
        places = [(name, version) for name in self.names for version in (1, 2, 3)]
        self._wheels = {f"{name.replace('-', '_')}-{n}.0-py3-none-any.whl": self._wheel(name, n) for name, n in places}

    def _wheel(self, name: str, version: int) -> bytes:
        number = int(name.rpartition("-")[2])
        needs = f"Requires-Dist: {self.names[number + 1]}\n" if number % 4 and number + 1 < len(self.names) else ""
        info = f"{name.replace('-', '_')}-{version}.0.dist-info"
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            told = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}.0\nRequires-Python: >=3.8\n{needs}"
            archive.writestr(f"{info}/METADATA", told)
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return content.getvalue()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """Answer on a free port of loopback while the block runs."""
        app = web.Application()
        app.router.add_get("/simple/{name}/", self._page)
        app.router.add_get("/files/{name}", self._file)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/simple"
        try:
            yield
        finally:
            await runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        self.requests += 1
        name = request.match_info["name"]
        if name not in self.names:
            raise web.HTTPNotFound
        stem = f"{name.replace('-', '_')}-"
        files = [self._told(file) for file in self._wheels if file.startswith(stem)]
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": files, "versions": ["1.0", "2.0", "3.0"]}
        return web.json_response(page, content_type=_JSON, headers=_FRESH)

    def _told(self, file: str) -> dict[str, object]:
        content = self._wheels[file]
        return {
            "filename": file,
            "url": f"../../files/{file}",
            "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
            "requires-python": ">=3.8",
            "size": len(content),
            "upload-time": "2026-01-01T00:00:00Z",
            "yanked": False,
            "core-metadata": True,
        }

    async def _file(self, request: web.Request) -> web.Response:
        self.requests += 1
        name = request.match_info["name"]
        with zipfile.ZipFile(io.BytesIO(self._wheels[name.removesuffix(".metadata")])) as archive:
            inside = next(each for each in archive.namelist() if each.endswith("METADATA"))
            return web.Response(body=archive.read(inside), headers=_FRESH)
