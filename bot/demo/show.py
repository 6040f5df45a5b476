"""Puts the demo on: prepares the stage, then plays the story once, or keeps it open for a person."""

import asyncio
import contextlib
import errno
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.markup import escape

from bot.core.errors import Refused
from bot.core.packages import IndexUnreachable, IndexUnsuitable, PackageUnknown, ResolverFailed, Unresolvable
from bot.demo import acts, report, seed
from bot.demo.acts import Stage
from bot.demo.follow import follow
from bot.demo.machinery import Install, beside, free_ports, fresh_folder
from bot.demo.person import Person, Stuck
from bot.demo.progress import Steps
from bot.sandbox.running import Sandbox, running_sandbox

REPOSITORY, MAINTAINER = "ada/bolide", "ada"
TROUBLES = (
    *(Stuck, Refused, OSError, aiohttp.ClientError),
    *(IndexUnreachable, IndexUnsuitable, PackageUnknown, ResolverFailed, Unresolvable),
)


def show(state: Path, *, once: bool) -> int:
    """Play it; exit status 0, or 1 after one sentence that says what went wrong."""
    console = Console(highlight=False)
    try:
        folder = fresh_folder(state)
        asyncio.run(_play(folder, Steps(console), once=once))
    except TROUBLES as problem:
        console.print("[red]✗[/]", escape(_in_words(problem, state)), soft_wrap=True)
        if (state / "bot.log").exists():
            console.print(f"  The bot's log: {state / 'bot.log'}", soft_wrap=True)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("Stopped.")
        return 1 if once else 0
    return 0


def _in_words(problem: BaseException, state: Path) -> str:
    """One sentence; of a disk that takes no more, with the folder and what can be done."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
        return f"{problem.filename or state}: {problem.strerror}; free about 6 GB there, or choose another --state."
    return f"{str(problem).rstrip('.')}."


async def _play(folder: Path, steps: Steps, *, once: bool) -> None:
    playing = asyncio.current_task()
    if playing:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, playing.cancel)
    with steps:
        async with _stage(folder, steps) as stage:
            if once:
                told = await acts.once(stage, steps)
                report.write(told)
                steps.tell(f"Done in {told['seconds']:.0f} s; the figures are in [bold]{report.PATH}[/].")
                return
            _, pull = await acts.propose(stage, steps)
            await acts.first_deployment(stage, steps)
            await acts.examine(stage, steps, pull)
            async with follow(stage, steps, pull):
                await asyncio.Event().wait()  # until Ctrl-C


@contextlib.asynccontextmanager
async def _stage(folder: Path, steps: Steps) -> AsyncIterator[Stage]:
    """The sandbox GitHub with this repository in it, and the bot beside it, not yet installed."""
    ports = free_ports()
    with steps.step("This repository, with the lock that it would have had months ago") as step:
        files = await asyncio.to_thread(seed.checkout_files, Path.cwd())
        lock, day = await seed.aged_lock(files, folder / "seed")
        step.say(f"This repository, with its lock as of {day:%d %B %Y}")
    async with running_sandbox(folder / "github", ports["github"]) as sandbox:
        message = f"Digits: a model and its service\n\nThe lock is of {day:%Y-%m-%d}."
        await sandbox.create_repository(REPOSITORY, {**files, "Pipfile.lock": lock}, message)
        async with beside(sandbox, folder, REPOSITORY, MAINTAINER, ports) as (person, install):
            yield _told(sandbox, person, seed.test_digit(files, 0), ports, install, steps)


def _told(
    sandbox: Sandbox, person: Person, digit: seed.Digit, ports: dict[str, int], install: Install, steps: Steps
) -> Stage:
    stage = Stage(
        site=sandbox.url,
        repository=REPOSITORY,
        service=f"http://127.0.0.1:{ports['service']}",
        person=person,
        digit=digit,
        log=lambda: sandbox.requests,
        install=install,
    )
    steps.tell(f"  GitHub on this machine: {stage.page('')}")
    steps.tell(f"  What merges start: http://127.0.0.1:{ports['bot']}/runs")
    return stage
