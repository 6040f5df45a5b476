"""The routes of the dashboard: `/runs`, `/runs/SHA`, and the same with `.json`."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import jinja2
from aiohttp import web

from bot.core.errors import TryLater
from bot.service.dashboard import chart, guard

_HERE = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
SHA = "{sha:[0-9a-f]{40}}"
Record = Mapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Runs(Protocol):
    """What was written down about runs."""

    async def newest(self) -> Sequence[Record]:
        """The records of the latest runs, the newest first."""
        ...

    async def run(self, sha: str) -> Record | None:
        """The record of a commit with its `lineage`, None where there is none."""
        ...


def add_routes(app: web.Application, runs: Runs, token: str) -> None:
    """Add the dashboard to a server; an empty token leaves it to readers at this machine."""

    async def everything(request: web.Request) -> web.Response:
        return _page("runs.html", runs=await runs.newest())

    async def everything_json(request: web.Request) -> web.Response:
        return web.json_response({"runs": [dict(run) for run in await runs.newest()]}, headers=_HEADERS)

    async def one(request: web.Request) -> web.Response:
        record = await _find(request, runs)
        bars = chart.bars(record["stages"], float(record.get("seconds") or 0.0))
        return _page("run.html", run=record, bars=bars, width=chart.WIDTH)

    async def one_json(request: web.Request) -> web.Response:
        return web.json_response(dict(await _find(request, runs)), headers=_HEADERS)

    async def style(request: web.Request) -> web.Response:
        return web.Response(text=(_HERE / "style.css").read_text(), content_type="text/css", headers=_HEADERS)

    for path, handler in {
        "/runs": everything,
        "/runs.json": everything_json,
        "/runs/style.css": style,
        f"/runs/{SHA}": one,
        f"/runs/{SHA}.json": one_json,
    }.items():
        app.router.add_get(path, _guarded(handler, token))


async def _find(request: web.Request, runs: Runs) -> Record:
    record = await runs.run(request.match_info["sha"])
    if record is None:
        raise web.HTTPNotFound(text="No run of this commit is written down here.", headers=_HEADERS)
    return record


def _guarded(handler: Handler, token: str) -> Handler:
    async def guarded(request: web.Request) -> web.StreamResponse:
        refused = guard.refusal(token, request.remote or "", request.headers)
        if refused is None:
            try:
                return await handler(request)
            except TryLater as problem:
                return web.Response(text=str(problem), status=503, headers=_HEADERS)
        status, sentence = refused
        asking = {"WWW-Authenticate": 'Basic realm="Bolide"'} if status == 401 else {}
        return web.Response(text=sentence, status=status, headers=_HEADERS | asking)

    return guarded


def _page(template: str, **values: object) -> web.Response:
    text = _TEMPLATES.get_template(template).render(**values)
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)
