"""A whole server in a process of its own, to be killed: door, inbox, worker. Prints its port; effects go to a file."""

import asyncio
import signal
import sys
from pathlib import Path

from bot.adapters.inbox import SqliteInbox
from bot.core.ports import Job
from bot.service.web import create_app, start
from bot.service.worker import Pace, Worker
from tests.service.letters import SECRET


async def main(state: Path, lease: float) -> None:
    inbox = SqliteInbox(state / "inbox.sqlite")
    effects = (state / "effects").open("a", buffering=1)

    async def work(job: Job) -> str:
        await asyncio.sleep(0.02)
        effects.write(f"{job.delivery.id}\n")
        return "done"

    async def ready() -> str | None:
        return None

    worker = Worker(inbox, lambda d: ({"update": d.id}, "routed"), work, pace=Pace(lease=lease, poll=0.1, grace=5))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
    runner = await start(create_app(inbox, SECRET, ready=ready, stored=worker.wake), "127.0.0.1", 0)
    print(runner.addresses[0][1], flush=True)
    await worker.run()
    await runner.cleanup()
    inbox.close()
    effects.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
