"""Web servers and workers on many machines, with PostgreSQL between them."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot import running
from bot.demo.person import Person, until
from bot.settings import Secret
from bot.wiring import program
from tests.contract.postgres import FOUND, Postgres, serving
from tests.flow.town import REPOSITORY, square
from tests.sandbox.harness import as_user

pytestmark = pytest.mark.skipif(FOUND is None, reason="needs PostgreSQL (apt install postgresql)")

CONFIG = """\
managers: [{name: update, enabled: false}, {name: provenance, enabled: false}]
service: {wsgi: "app:app", serve: [python, serve.py]}
"""
FILES: dict[str, bytes | str] = {
    "README.md": "Digits",
    "Pipfile.lock": '{"_meta": {}, "default": {}, "develop": {}}',
    ".github/bolide.yaml": CONFIG,
}
NOBODY = {"Authorization": ""}


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving() as server:
        yield server


async def test_one_machine_takes_deliveries_and_two_work_them_off_once(tmp_path: Path, server: Postgres) -> None:
    async with AsyncExitStack() as stack:
        sandbox, settings, install = await stack.enter_async_context(square(tmp_path, FILES))
        settings = replace(settings, database_url=Secret(server.url(server.database())))
        for name, duty in (("web", "serve"), ("one", "work"), ("two", "work")):
            machine = await stack.enter_async_context(program.assemble(replace(settings, state_dir=tmp_path / name)))
            await stack.enter_async_context(running.at_work(machine, serve=duty == "serve", work=duty == "work"))
        client = await stack.enter_async_context(as_user(sandbox, "ada"))
        ada = Person(client.session, sandbox.api_url, REPOSITORY)
        install()
        issues = [await ada.open_issue(f"Question {number}") for number in range(5)]
        for issue in issues:
            await client("POST", f"/repos/{REPOSITORY}/issues/{issue}/comments", {"body": "/help"})

        async def answers() -> list[int]:
            said = [await ada.get(f"/issues/{issue}/comments") for issue in issues]
            return [sum(comment["user"]["login"] == "bolide[bot]" for comment in comments) for comments in said]

        async def all_answered() -> bool | None:
            return all(await answers()) or None

        await until(all_answered, "an answer on every issue", 60)
        await asyncio.sleep(1)  # a second answer would come about now
        assert await answers() == [1] * 5

        # What a worker ran is told by the machine that has the pages, which ran nothing itself.
        async def told() -> str | None:
            async with client.session.get(f"http://127.0.0.1:{settings.port}/runs.json", headers=NOBODY) as answer:
                return next(
                    (run["sentence"] for run in (await answer.json())["runs"] if run["state"] == "stopped"), None
                )

        assert "No supervisor answers" in await until(told, "the run on the other machine's page", 60)
