"""Smart HTTP: `git clone`, `fetch` and `push` through `git http-backend`."""

import asyncio
import contextlib

from aiohttp import web

from bot.sandbox.access import authenticate, may
from bot.sandbox.actions.refs import ref_moved
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import Repository
from bot.sandbox.errors import ApiError
from bot.sandbox.forge import Actor, Forge
from bot.sandbox.git import ENVIRONMENT
from bot.sandbox.gitwrite import ZERO

CHUNK = 65_536
CHALLENGE = {"WWW-Authenticate": 'Basic realm="GitHub"'}
SERVICES_OF_GIT = ("git-upload-pack", "git-receive-pack")


async def serve_git(request: web.Request) -> web.StreamResponse:
    """Serve one request of a git client; pushing asks for a token with write permission."""
    services = request.app[SERVICES]
    forge, action = services.forge, request.match_info["action"]
    service = request.query.get("service", "") if action == "info/refs" else action
    if service not in SERVICES_OF_GIT:
        raise web.HTTPForbidden(text="Please upgrade your git client.\n")
    writes = service == "git-receive-pack"
    try:
        actor = authenticate(forge, request.headers.get("Authorization"))
    except ApiError:
        raise web.HTTPUnauthorized(text="Bad credentials\n", headers=CHALLENGE) from None
    found = forge.repository(f"{request.match_info['owner']}/{request.match_info['repo']}")
    if found is None or not may(forge, actor, found, "contents", "read"):
        if actor is None:
            raise web.HTTPUnauthorized(text="Repository not found.\n", headers=CHALLENGE)
        raise web.HTTPNotFound(text="Repository not found.\n")
    if not writes or actor is None:
        if writes:
            raise web.HTTPUnauthorized(text="Authentication required\n", headers=CHALLENGE)
        return await _backend(request, forge, found, action, "")
    if found.archived or not may(forge, actor, found, "contents", "write"):
        raise web.HTTPForbidden(text="Write access to repository not granted.\n")
    return await _push(request, forge, found, action, actor)


async def _push(request: web.Request, forge: Forge, found: Repository, action: str, actor: Actor) -> web.StreamResponse:
    git = forge.git(found)
    before = {ref.name: ref.oid for ref in await git.refs("refs/")}
    answered = await _backend(request, forge, found, action, actor.user.login)
    after = {ref.name: ref.oid for ref in await git.refs("refs/")}
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, ZERO), after.get(name, ZERO)
        if old != new:
            await ref_moved(forge, actor, found, name, old, new)
    return answered


async def _backend(request: web.Request, forge: Forge, found: Repository, action: str, user: str) -> web.StreamResponse:
    environment = {
        **ENVIRONMENT,
        "GIT_PROJECT_ROOT": str(forge.git(found).path.parent),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{found.id}.git/{action}",
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "REMOTE_ADDR": request.remote or "",
        "REMOTE_USER": user,
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
    }
    process = await asyncio.create_subprocess_exec(
        "git",
        "http-backend",
        env=environment,
        cwd=forge.git(found).path,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        return await _relay(request, process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _relay(request: web.Request, process: asyncio.subprocess.Process) -> web.StreamResponse:
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    feeding = asyncio.create_task(_feed(request, process.stdin))
    head = await process.stdout.readuntil(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
    fields = {name: value for name, _, value in lines}
    status = int(fields.pop("Status", "200").split()[0])
    answered = web.StreamResponse(status=status, headers=fields)
    await answered.prepare(request)
    while chunk := await process.stdout.read(CHUNK):
        await answered.write(chunk)
    await feeding
    await process.wait()
    return answered


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for chunk in request.content.iter_chunked(CHUNK):
            stdin.write(chunk)
            await stdin.drain()
    stdin.close()
