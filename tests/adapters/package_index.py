"""A package index on loopback: the JSON simple API over tiny wheels, with the faults that real ones have."""

import asyncio
import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from aiohttp import web
from packaging.utils import canonicalize_name

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
JSON = "application/vnd.pypi.simple.v1+json"


def wheel(
    name: str,
    version: str,
    requires: tuple[str, ...] = (),
    requires_python: str = "",
    extras: tuple[str, ...] = (),
    project_urls: tuple[str, ...] = (),
    description: str = "",
    module: str = "raise SystemExit('package code ran')\n",
) -> bytes:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {line}" for line in requires] + [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [f"Project-URL: {url}" for url in project_urls] + ["", description]
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(f"{name.replace('-', '_')}.py", module)
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return content.getvalue()


@dataclass
class PackageIndex:
    """What the index holds, how it misbehaves, and what it was asked for."""

    files: dict[str, dict[str, dict[str, object]]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    validators: bool = False
    ranges: bool = True
    status: int = 200
    failures: int = 0
    body: bytes | None = None
    content_type: str = JSON
    redirect: str = ""
    hangs: bool = False
    lies_to: str = ""
    content_range: str = ""
    asked_by_uv: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    provenance: dict[str, bytes] = field(default_factory=dict)

    def attest(self, name: str, filename: str, sha256: str, document: str) -> None:
        """List a file that has attestations; the file itself is not here."""
        told = {"filename": filename, "url": f"../../files/{filename}", "hashes": {"sha256": sha256}, "yanked": False}
        told["provenance"] = f"../../integrity/{filename}/provenance"
        self.files.setdefault(canonicalize_name(name), {})[filename] = told
        self.provenance[filename] = document.encode()

    def add(
        self,
        name: str,
        version: str,
        *requires: str,
        requires_python: str = ">=3.8",
        yanked: bool = False,
        uploaded: datetime = LONG_AGO,
        extras: tuple[str, ...] = (),
        tag: str = "py3-none-any",
        sdist_only: bool = False,
        with_sdist: bool = False,
        told_metadata: bool = False,
        project_urls: tuple[str, ...] = (),
        description: str = "",
        module: str = "raise SystemExit('package code ran')\n",
    ) -> None:
        content = wheel(name, version, requires, requires_python, extras, project_urls, description, module)
        names = [] if sdist_only else [f"{name.replace('-', '_')}-{version}-{tag}.whl"]
        names += [f"{name}-{version}.tar.gz"] if sdist_only or with_sdist else []
        for filename in names:
            stored = content if filename.endswith(".whl") else b"not built: " + filename.encode()
            self.contents[filename] = stored
            told: dict[str, object] = {
                "filename": filename,
                "url": f"../../files/{filename}",
                "hashes": {"sha256": hashlib.sha256(stored).hexdigest()},
                "size": len(stored),
                "upload-time": uploaded.isoformat().replace("+00:00", "Z"),
                "yanked": yanked,
            }
            if requires_python:
                told["requires-python"] = requires_python
            if told_metadata:
                told["core-metadata"] = True
            self.files.setdefault(canonicalize_name(name), {})[filename] = told

    def hashes(self, name: str, version: str) -> list[str]:
        told = self.files[name].values()
        return sorted(f"sha256:{f['hashes']['sha256']}" for f in told if f"-{version}" in str(f["filename"]))  # type: ignore[index]

    async def _page(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked[name] += 1
        if "uv/" in request.headers.get("User-Agent", ""):
            self.asked_by_uv.set()
        if self.hangs:
            await asyncio.sleep(60)
        if self.redirect:
            raise web.HTTPFound(self.redirect)
        if self.failures:
            self.failures -= 1
            return web.Response(status=503)
        if self.status != 200 or name not in self.files:
            return web.Response(status=self.status if self.status != 200 else 404)
        listed = [dict(told) for told in self.files[name].values()]
        if self.lies_to and self.lies_to in request.headers.get("User-Agent", ""):
            listed = [{**told, "hashes": {"sha256": "0" * 64}} for told in listed]
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": listed}
        body = self.body if self.body is not None else json.dumps(page).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if self.validators and request.headers.get("If-None-Match") == etag:
            self.asked["304"] += 1
            return web.Response(status=304)
        headers = {"ETag": etag} if self.validators else {}
        return web.Response(body=body, headers={"Content-Type": self.content_type, **headers})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        filename = request.match_info["name"]
        self.asked[filename] += 1
        if filename.endswith(".metadata"):
            wheel = filename.removesuffix(".metadata")
            announced = any(files.get(wheel, {}).get("core-metadata") for files in self.files.values())
            if not announced or wheel not in self.contents:
                return web.Response(status=404)
            with zipfile.ZipFile(io.BytesIO(self.contents[filename.removesuffix(".metadata")])) as archive:
                inside = next(name for name in archive.namelist() if name.endswith("METADATA"))
                return web.Response(body=archive.read(inside))
        if filename not in self.contents:
            return web.Response(status=404)
        content = self.contents[filename]
        wanted = request.headers.get("Range", "").removeprefix("bytes=")
        if not wanted or not self.ranges:
            return web.Response(body=content, headers={"Accept-Ranges": "bytes"} if self.ranges else {})
        first, _, last = wanted.partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(len(content), int(last) + 1) if first and last else len(content)
        spoken = self.content_range or f"bytes {start}-{end - 1}/{len(content)}"
        told = {"Content-Range": spoken, "Accept-Ranges": "bytes"}
        return web.Response(status=206, body=content[start:end], headers=told)

    async def _provenance(self, request: web.Request) -> web.StreamResponse:
        filename = request.match_info["name"]
        self.asked[f"{filename}.provenance"] += 1
        if filename not in self.provenance:
            return web.Response(status=404)
        return web.Response(body=self.provenance[filename], content_type="application/vnd.pypi.integrity.v1+json")

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["PackageIndex"]:
        app = web.Application()
        app.router.add_get("/simple/{name}/", self._page)
        app.router.add_get("/files/{name}", self._file)
        app.router.add_get("/integrity/{name}/provenance", self._provenance)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/simple"
        try:
            yield self
        finally:
            await runner.cleanup()
