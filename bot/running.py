"""The assembled program at work: web server, worker and rounds, until it is told to stop."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from functools import partial

from bot.core.ports import Inbox
from bot.pipelines.history import History
from bot.service import dashboard
from bot.service.web import create_app, start
from bot.service.worker import Worker
from bot.wiring.program import Bolide


async def run(bolide: Bolide, *, serve: bool, work: bool) -> None:
    """Take deliveries and work them off until SIGTERM or SIGINT; then stop taking, finish or give back, and return."""
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with at_work(bolide, serve=serve, work=work):
        await stopped.wait()


@contextlib.asynccontextmanager
async def at_work(bolide: Bolide, *, serve: bool = True, work: bool = True) -> AsyncIterator[None]:
    """The web server and the worker, either or both, while the block runs."""
    dispatch = bolide.dispatch
    workers = bolide.settings.workers
    worker = Worker(bolide.inbox, dispatch.route, dispatch.work, gave_up=dispatch.gave_up, concurrency=workers)
    async with contextlib.AsyncExitStack() as stack:
        if serve:
            await stack.enter_async_context(_listening(bolide, worker))
        working = asyncio.create_task(worker.run()) if work else None
        rounds = [asyncio.create_task(each.run()) for each in bolide.rounds if work]
        try:
            yield
        finally:
            worker.stop()
            for task in rounds:
                task.cancel()
            await asyncio.gather(*rounds, return_exceptions=True)
            if working:
                await working


@contextlib.asynccontextmanager
async def _listening(bolide: Bolide, worker: Worker) -> AsyncIterator[None]:
    settings = bolide.settings
    app = create_app(
        bolide.inbox, settings.webhook_secret.reveal(), ready=partial(_ready, bolide.inbox), stored=worker.wake
    )
    dashboard.add_routes(app, History(bolide.register), settings.dashboard_token.reveal())
    runner = await start(app, settings.host, settings.port)
    try:
        yield
    finally:
        await runner.cleanup()


async def _ready(inbox: Inbox) -> str | None:
    try:
        await inbox.probe()
    except Exception as problem:
        return str(problem)
    return None
