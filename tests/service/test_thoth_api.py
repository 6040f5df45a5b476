"""Thoth's API over TLS: submit, poll, read; and what it turns away."""

import asyncio
import io
import json
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.adapters.certificate import local_context
from bot.core import lockfile
from bot.service.advising import Advising, Lore, Pages
from bot.service.analyses import Analyses, Bounds
from bot.service.thoth_answers import Answers
from bot.service.thoth_api import PER_MINUTE, Desk, create_app
from bot.service.web import start
from tests.managers.package_world import PackageWorld
from tests.managers.world import NOW, PIPFILE, lock, table

GOOD = lock(flask="2.2.5", werkzeug="2.2.3")
TOKEN = "a token that nobody guesses"


@dataclass(slots=True)
class Client:
    """A client that trusts the server's own certificate."""

    url: str
    session: aiohttp.ClientSession
    packages: PackageWorld
    desk: Desk

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.json()

    async def post(self, path: str, body: bytes | object, **headers: str) -> tuple[int, Any]:
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.session.post(f"{self.url}{path}", data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def answer(self, kind: str, pipfile: str, locked: str = "", query: str = "") -> Any:
        """The result of an analysis, polled as clients do."""
        body = {"application_stack": {"requirements": pipfile, "requirements_lock": locked}}
        status, told = await self.post(f"/{kind}/python{query}", body)
        assert (status, told["cached"]) == (202, False)
        status, found = await self.ended(f"/{kind}/python/{told['analysis_id']}")
        assert (status, found["metadata"]["document_id"]) == (200, told["analysis_id"])
        return found["result"]

    async def ended(self, path: str) -> tuple[int, Any]:
        for _ in range(1000):
            found = await self.get(path)
            if found[0] != 202:
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"{path} has not ended")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    packages = table()
    answers = Answers(lambda: Advising(packages, Pages(packages), Lore(), NOW), packages)
    analyses = Analyses(lambda: datetime.now(UTC), Bounds(waiting=40))
    desk = Desk(answers.advise, answers.check, analyses, time.monotonic)
    runner = await start(create_app(desk), "127.0.0.1", 0, tls=local_context(tmp_path / "tls", datetime.now(UTC)))
    trusted = ssl.create_default_context(cafile=str(tmp_path / "tls" / "certificate.pem"))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as session:
        yield Client(f"https://127.0.0.1:{runner.addresses[0][1]}/api/v1", session, packages, desk)
    await runner.cleanup()


async def test_advice_is_a_lock_with_its_reasons(client: Client) -> None:
    assert (await client.get(""))[0] == (await client.get("/"))[0] == 200
    result = await client.answer("advise", PIPFILE, GOOD, "?recommendation_type=latest")
    (product,) = result["report"]["products"]
    assert product["project"]["requirements_locked"] == lockfile.parse(lock(flask="3.2.0", werkzeug="3.1.0"))
    messages = [row["message"] for row in product["justification"]]
    assert "flask 2.2.5 → 3.2.0: the project names it." in messages
    assert "werkzeug 2.2.3 → 3.1.0: others require it." in messages


async def test_where_nothing_is_better_todays_lock_is_the_advice(client: Client) -> None:
    client.packages.releases = {"flask": {"2.2.5": date(2023, 5, 2)}, "werkzeug": {"2.2.3": date(2023, 2, 14)}}
    result = await client.answer("advise", PIPFILE, GOOD)
    (product,) = result["report"]["products"]
    assert product["project"]["requirements_locked"] == lockfile.parse(GOOD)


async def test_only_latest_takes_what_is_younger_than_the_cooldown(client: Client) -> None:
    result = await client.answer("advise", PIPFILE, query="?recommendation_type=latest")
    (product,) = result["report"]["products"]
    assert product["project"]["requirements_locked"]["default"]["flask"]["version"] == "==3.2.0"


async def test_what_has_no_solution_is_told_in_the_result(client: Client) -> None:
    result = await client.answer("advise", PIPFILE.replace('"*"', '"==99"'))
    assert (result["error"], "flask" in result["error_msg"]) == (True, True), result["error_msg"]
    for wrong in ("[packages]\nflask = 1\n", "[["):
        assert (await client.answer("advise", wrong))["error"] is True
    assert "not JSON" in (await client.answer("advise", PIPFILE, "{"))["error_msg"]
    client.packages.down = True
    assert "did not answer" in (await client.answer("advise", PIPFILE))["error_msg"]


async def test_provenance_is_told_with_thoths_codes(client: Client) -> None:
    assert (await client.answer("provenance", PIPFILE, lock(flask="2.2.5")))["report"] == []
    result = await client.answer("provenance", PIPFILE, lock(flask="9.9"))
    assert [finding["id"] for finding in result["report"]] == ["MISSING-PACKAGE"]
    missing = await client.answer("provenance", PIPFILE)
    assert (missing["error"], missing["error_msg"]) == (True, "There is no Pipfile.lock to check; lock first.")
    assert (await client.answer("provenance", PIPFILE, "{"))["error"] is True


async def test_state_and_log_of_an_analysis(client: Client) -> None:
    stack = {"application_stack": {"requirements": PIPFILE, "requirements_lock": ""}}
    _, told = await client.post("/advise/python?debug=False", stack)
    assert told["parameters"] == {"debug": "False"}
    path = f"/advise/python/{told['analysis_id']}"
    await client.ended(path)
    assert (await client.get(f"{path}/status"))[1]["status"]["state"] == "success"
    assert (await client.get(f"{path}/log"))[1]["log"] == "The analysis is in the state success."
    for other in (path.replace("advise", "provenance"), f"{path}0", f"{path}0/status", f"{path}0/log"):
        assert (await client.get(other))[0] == 404


async def test_what_takes_too_long_is_told_with_the_status_that_clients_stop_at(tmp_path: Path) -> None:
    async def never(_: object) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    desk = Desk(never, never, Analyses(lambda: datetime.now(UTC), Bounds(1, 0, seconds=1)), time.monotonic)
    runner = await start(create_app(desk), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
    async with aiohttp.ClientSession() as session:
        client = Client(url, session, table(), desk)
        stack = {"application_stack": {"requirements": PIPFILE, "requirements_lock": ""}}
        _, told = await client.post("/advise/python", stack)
        path = f"/advise/python/{told['analysis_id']}"
        assert (await client.get(path))[1]["status"]["state"] in ("pending", "running")
        assert (await client.post("/advise/python", stack))[0] == 503
        status, found = await client.ended(path)
    assert (status, "took longer than 1 s" in found["error"]) == (400, True)
    await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"null", 400, "the body is no JSON object"),
        (b"{}", 400, "application_stack"),
        (b" " * (8 * 2**20 + 1), 413, "larger than 8,388,608 bytes"),
    ],
    ids=["empty", "cut", "not UTF-8", "deep", "null", "no stack", "too large"],
)
async def test_bodies_that_are_turned_away(client: Client, body: bytes, status: int, said: str) -> None:
    found, told = await client.post("/advise/python", body)
    assert found == status
    assert said in told["error"]


async def test_a_recommendation_that_is_none(client: Client) -> None:
    stack = {"application_stack": {"requirements": PIPFILE, "requirements_lock": ""}}
    status, told = await client.post("/advise/python?recommendation_type=best", stack)
    assert (status, "take one of latest" in told["error"]) == (400, True)


async def test_one_address_does_not_take_all(client: Client) -> None:
    statuses = [(await client.post("/advise/python", b"{"))[0] for _ in range(PER_MINUTE + 1)]
    assert statuses == [400] * PER_MINUTE + [429]


def test_the_count_of_an_address_is_over_after_a_minute() -> None:
    clock = [0.0]

    async def nothing(_: object) -> dict[str, Any]:
        return {}

    desk = Desk(nothing, nothing, Analyses(lambda: NOW), lambda: clock[0])
    assert [desk.wait("a") for _ in range(PER_MINUTE)] == [0] * PER_MINUTE
    assert (desk.wait("a"), desk.wait("b")) == (60, 0)
    clock[0] = 59.5
    assert desk.wait("a") == 1
    clock[0] = 61.0
    assert desk.wait("a") == 0


async def test_with_a_token_only_those_who_have_it_may_ask(client: Client) -> None:
    client.desk.token = TOKEN
    stack = {"application_stack": {"requirements": PIPFILE, "requirements_lock": ""}}
    for query, headers in (("", {}), ("?token=wrong", {}), ("", {"Authorization": "Bearer wrong"})):
        status, told = await client.post(f"/advise/python{query}", stack, **headers)
        assert (status, "THAMOS_TOKEN" in told["error"]) == (401, True)
    assert (await client.post("/advise/python", stack, Authorization=f"Bearer {TOKEN}"))[0] == 202
    status, told = await client.post(f"/advise/python?token={TOKEN.replace(' ', '+')}", stack)
    assert (status, told["authenticated"]) == (202, True)
    assert TOKEN not in json.dumps(told)
