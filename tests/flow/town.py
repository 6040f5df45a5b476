"""A sandbox GitHub, the assembled bot and its service's supervisor, all real, for stories through the HTTP door."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bot import running
from bot.core import pipfile
from bot.core.packages import ResolveRequest
from bot.demo.person import Person, until
from bot.sandbox import Sandbox
from bot.settings import Secret, Settings
from bot.variables import ADVISORIES
from bot.wiring import packages, program
from tests.sandbox.harness import as_user, judged_sandbox, key_pair

REPOSITORY = "ada/digits"
PYPI = "https://pypi.org/simple"
T = TypeVar("T")


@dataclass(frozen=True)
class Town:
    sandbox: Sandbox
    ada: Person
    service: str
    install: Callable[[], object]

    async def wait(self, ask: Callable[[], Awaitable[T | None]], what: str) -> T:
        return await until(ask, what, 120)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def town(
    folder: Path, files: dict[str, bytes | str], index: str = PYPI, advisories: str = ""
) -> AsyncIterator[Town]:
    """The repository with these files, and the bot at work but not yet installed on it.

    With a folder of `advisories` it looks each second whether one came out.
    """
    async with square(folder, files, index) as (sandbox, settings, install):
        if advisories:
            settings = replace(settings, advisories=advisories, watch_seconds=1)
        async with _at_work(settings, sandbox, install) as here:
            yield here


@asynccontextmanager
async def _at_work(settings: Settings, sandbox: Sandbox, install: Callable[[], object]) -> AsyncIterator[Town]:
    async with program.assemble(settings) as bolide:
        await program.ensure_supervisor(settings)
        try:
            async with running.at_work(bolide), as_user(sandbox, "ada") as client:
                ada = Person(client.session, sandbox.api_url, REPOSITORY)
                yield Town(sandbox, ada, program.service_url(settings), install)
        finally:
            await bolide.supervisor.stop()


@asynccontextmanager
async def square(
    folder: Path, files: dict[str, bytes | str], index: str = PYPI
) -> AsyncIterator[tuple[Sandbox, Settings, Callable[..., object]]]:
    """The repository with these files, the settings of a bot for it, and what installs the App on it, or on another."""
    private, public = key_pair()
    secret, port = "a secret for this test", free_port()
    async with judged_sandbox(folder / "github") as sandbox:
        await sandbox.create_repository(REPOSITORY, files)
        app = sandbox.register_app("bolide", "ada", public, f"http://127.0.0.1:{port}/webhook", secret)
        settings = Settings(
            app_id=str(app.id),
            private_key=Secret(private),
            webhook_secret=Secret(secret),
            api_url=sandbox.api_url,
            graphql_url=sandbox.graphql_url,
            state_dir=folder / "bot",
            host="127.0.0.1",
            port=port,
            service_port=free_port(),
            index_url=index,
            allowed_hosts=frozenset() if index == PYPI else frozenset({"127.0.0.1"}),
            advisories=ADVISORIES if index == PYPI else "none",
            workers=4,
            probation_seconds=1,
        )
        yield sandbox, settings, lambda name=REPOSITORY: sandbox.install_app(app, name)


async def lock_of(folder: Path, text: str, day: datetime) -> str:
    """The lock that the index gives for a Pipfile when later files are left out."""
    async with packages.open_packages(folder) as found:
        request = ResolveRequest(pipfile.parse(text), None, "3.11", cutoff=day)
        return (await found.resolver.resolve(request)).lock_text
