"""What stands in for a cluster: a service that answers as what a controller runs at the moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web


@asynccontextmanager
async def answering(
    answer: Callable[[web.Request], Awaitable[web.Response]], controller: Coroutine[Any, Any, None]
) -> AsyncIterator[str]:
    """The address of a service that answers /readyz and /version like this, while the controller is at work."""
    app = web.Application()
    app.router.add_get("/readyz", answer)
    app.router.add_get("/version", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    working = asyncio.create_task(controller)
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await runner.cleanup()
