"""The digest behind a tag, asked of a real registry, and of one that sends everybody to fetch a token first."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from bot.adapters.registry import OciRegistry
from bot.core.baseimages import Image
from bot.core.errors import Refused, TryLater
from tests.contract.registry import PRESENT, REASON, Registry

LOCAL = frozenset({"127.0.0.1"})
TYPE = "application/vnd.oci.image.manifest.v1+json"
MANIFEST = {"schemaVersion": 2, "mediaType": TYPE, "layers": []}


def image(host: str, repository: str = "ada/base", tag: str = "1") -> Image:
    return Image(host, repository, tag, f"{host}/{repository}")


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "registry") as registry:
        yield registry


@pytest.mark.skipif(not PRESENT, reason=REASON)
async def test_the_digest_is_that_of_the_manifest_in_a_real_registry(
    real: Registry, session: aiohttp.ClientSession
) -> None:
    base = f"http://{real.host}/v2/ada/base"
    config = b"{}"
    name = f"sha256:{hashlib.sha256(config).hexdigest()}"
    async with session.post(f"{base}/blobs/uploads/") as begun:
        where = begun.headers["Location"]
    async with session.put(f"{where}&digest={name}", data=config) as put:
        assert put.status == 201
    about = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": name, "size": len(config)}
    body = json.dumps({**MANIFEST, "config": about}).encode()
    async with session.put(f"{base}/manifests/1", data=body, headers={"Content-Type": TYPE}) as put:
        assert put.status == 201
    registry = OciRegistry(session, LOCAL)
    assert await registry.digest(image(real.host)) == f"sha256:{hashlib.sha256(body).hexdigest()}"
    with pytest.raises(Refused, match="is not there, or not public"):
        await registry.digest(image(real.host, tag="2"))


class Small:
    """A registry that wants a token; `realm` is where it sends people, `status` what it answers with one."""

    def __init__(self) -> None:
        self.host, self.status, self.challenge = "", 200, ""
        self.asked: list[dict[str, str]] = []

    async def manifest(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer read-it":
            realm = f'Bearer realm="http://{self.host}/token",service="small",scope="ignored"'
            return web.Response(status=401, headers={"WWW-Authenticate": self.challenge or realm})
        return web.Response(status=self.status, headers={"Docker-Content-Digest": f"sha256:{'a' * 64}"})

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.json_response({"token": "read-it"} if "none" not in request.query["scope"] else [])


@pytest.fixture
async def small() -> AsyncIterator[Small]:
    made = Small()
    app = web.Application()
    app.router.add_route("*", "/v2/{name:.+}/manifests/{tag}", made.manifest)
    app.router.add_get("/token", made.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.host = f"127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_a_token_is_fetched_where_the_registry_says(small: Small, session: aiohttp.ClientSession) -> None:
    registry = OciRegistry(session, LOCAL)
    assert await registry.digest(image(small.host)) == f"sha256:{'a' * 64}"
    assert small.asked == [{"scope": "repository:ada/base:pull", "service": "small"}]


@pytest.mark.parametrize(
    ("repository", "challenge", "sentence"),
    [
        ("ada/base", 'Basic realm="x"', "wants a password"),
        ("ada/none", "", "gives no token"),
        ("ada/base", 'Bearer realm="http://10.0.0.1/token"', "10.0.0.1"),
        ("ada/base", 'Bearer realm="file:///etc/passwd"', "file"),
    ],
)
async def test_who_gives_no_token_or_sends_elsewhere_is_refused(
    small: Small, session: aiohttp.ClientSession, repository: str, challenge: str, sentence: str
) -> None:
    small.challenge = challenge
    with pytest.raises(Refused, match=sentence):
        await OciRegistry(session, LOCAL).digest(image(small.host, repository))


async def test_a_registry_that_is_busy_or_away_is_asked_later(small: Small, session: aiohttp.ClientSession) -> None:
    registry = OciRegistry(session, LOCAL)
    small.status = 429
    with pytest.raises(TryLater, match="answered 429"):
        await registry.digest(image(small.host))
    with pytest.raises(TryLater, match="did not answer"):
        await registry.digest(image("127.0.0.1:1"))


async def test_a_private_address_is_not_asked_unless_the_operator_lists_it(
    small: Small, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(Refused):
        await OciRegistry(session).digest(image(small.host))
    assert small.asked == []
