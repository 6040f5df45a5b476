"""The whole bot in a process of its own, to be killed: as `python -m bot run`, with leases of a second."""

import asyncio
import os
import signal

from bot.service.web import create_app, start
from bot.service.worker import Pace, Worker
from bot.settings import Settings
from bot.wiring import program


async def _ready() -> str | None:
    return None


async def main() -> None:
    settings = Settings.from_env(os.environ)
    async with program.assemble(settings) as bolide:
        await program.ensure_supervisor(settings)
        work, pace = bolide.dispatch, Pace(lease=1.0, poll=0.1, grace=5)
        worker = Worker(bolide.inbox, work.route, work.work, gave_up=work.gave_up, pace=pace)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        door = create_app(bolide.inbox, settings.webhook_secret.reveal(), ready=_ready, stored=worker.wake)
        runner = await start(door, settings.host, settings.port)
        await worker.run()
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
