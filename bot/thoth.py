"""`python -m bot thoth`: the API that thamos, the client of Project Thoth, speaks; no GitHub is needed for it."""

import asyncio
import signal
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.adapters.certificate import given_context, local_context
from bot.adapters.environments import InstallFailed
from bot.adapters.thoth_client import PROJECT, client_environments, install
from bot.core.errors import Refused
from bot.service.advising import Advising, Pages
from bot.service.analyses import Analyses
from bot.service.logs import configure_logging
from bot.service.thoth_answers import Answers
from bot.service.thoth_api import Desk, create_app
from bot.service.web import PortTaken, start
from bot.settings import SettingsProblem, ThothSettings
from bot.wiring import packages
from bot.wiring.lore import read_lore


def main(environ: Mapping[str, str], *, install_client: bool) -> int:
    """Answer until SIGTERM or SIGINT, or install the client; 1 after a failure told in one sentence, 2 for a set-up."""
    try:
        settings = ThothSettings.from_env(environ)
    except SettingsProblem as problem:
        print(f"Bolide cannot answer Thoth's clients:\n{problem}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_install(settings) if install_client else _answer(settings))
    except (OSError, ValueError, PortTaken, InstallFailed, Refused) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


async def _install(settings: ThothSettings) -> None:
    made = await install(client_environments(settings.state_dir), PROJECT)
    print(f"thamos is in {made.path / 'bin' / 'thamos'} ({made.size_mb:.0f} MB, {made.seconds:.0f} s).")


async def _answer(settings: ThothSettings) -> None:
    configure_logging((settings.token.reveal(),), sys.stderr)
    state, now = settings.state_dir.absolute(), datetime.now(UTC)
    if settings.certificate and settings.key:
        tls, trusted = given_context(settings.certificate, settings.key), "true"
    else:
        tls, trusted = local_context(state / "tls", now), "false"
    async with packages.open_packages(state, settings.allowed_hosts) as found:
        lore = read_lore(settings.advisories, settings.prescriptions, state, found.session)

        def advising() -> Advising:
            return Advising(found.resolver, Pages(found.index), lore, datetime.now(UTC))

        answers = Answers(advising, found.index, settings.allowed_hosts, found.attestations)
        analyses = Analyses(lambda: datetime.now(UTC))
        desk = Desk(answers.advise, answers.check, analyses, time.monotonic, settings.token.reveal())
        runner = await start(create_app(desk), settings.host, settings.port, tls=tls)
        try:
            host = f"{settings.host}:{runner.addresses[0][1]}"
            print(
                f"Thoth's API is on https://{host}/api/v1; in .thoth.yaml:\nhost: {host}\ntls_verify: {trusted}",
                flush=True,
            )
            await _stopped()
        finally:
            await runner.cleanup()


async def _stopped() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
