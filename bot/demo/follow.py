"""The demo with a person: says what to do next, and tells what the bot does about it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from bot.core.texts import release
from bot.demo.acts import RELEASE_ISSUE, Stage
from bot.demo.person import Stuck, until
from bot.demo.progress import Steps

PAUSE = 0.5


@contextlib.asynccontextmanager
async def follow(stage: Stage, steps: Steps, pull: dict[str, Any]) -> AsyncIterator[None]:
    """Tell merges, deployments and releases while the block runs."""
    steps.tell(
        "\n[bold]Your turn.[/] Everything below is in the browser; Ctrl-C ends the demo.\n"
        f"  1. Read the update and merge it:   {pull['html_url']}\n"
        f"  2. Draw a digit, before and after: {stage.service}/\n"
        f"  3. Open the issue “{RELEASE_ISSUE}”: {stage.page('/issues/new?template=minor-release.yml')}\n"
        f"     and merge the release pull request that answers it: {stage.page('/pulls')}\n"
    )
    tasks = [asyncio.create_task(_merges(stage, steps)), asyncio.create_task(_releases(stage, steps))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _merges(stage: Stage, steps: Steps) -> None:
    """Each pull request: that it came, that it was merged, what the deployment came to."""
    open_ones: set[int] = set()
    merged: set[int] = set()
    while True:
        for found in await stage.person.get("/pulls?state=all"):
            number, title = found["number"], found["title"]
            if found["state"] == "open" and number not in open_ones:
                open_ones.add(number)
                if found["head"]["ref"].startswith(release.BRANCH):
                    steps.tell(f"  Release pull request: {found['html_url']}")
            if found["merged_at"] and number not in merged:
                merged.add(number)
                await _deployment(stage, steps, found["merge_commit_sha"], title)
        await asyncio.sleep(PAUSE)


async def _deployment(stage: Stage, steps: Steps, sha: str, title: str) -> None:
    with steps.step(f"Merged “{title}”: the stages run on {sha[:8]}") as step:
        try:
            done = await until(lambda: stage.person.status(sha, "bolide"), "The deployment", 900, PAUSE)
            step.say(f"{done['description']} {stage.service}/")
        except Stuck as problem:
            step.say(str(problem))


async def _releases(stage: Stage, steps: Steps) -> None:
    told: set[str] = set()
    while True:
        for found in await stage.person.get("/releases"):
            if found["tag_name"] not in told:
                told.add(found["tag_name"])
                steps.tell(f"  Released {found['tag_name']}: {found['html_url']}")
        await asyncio.sleep(PAUSE)
