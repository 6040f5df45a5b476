"""The runner of one machine: a stage's lines can be read while it runs, and cancelling it leaves nothing behind."""

import asyncio
import os
from functools import partial
from pathlib import Path

from bot.adapters import jail
from bot.adapters.jail import Limits
from bot.pipelines.runner import Broken, Job, LocalRunner, Passed, prune_logs
from tests.pipelines.workshop import OneEnvironment

SLOW = ("sh", "-c", "echo begun $$; exec sleep 1000")


def job(tmp_path: Path, *command: str) -> Job:
    (tmp_path / "source").mkdir()
    return Job(command, tmp_path / "source", "", {}, {}, (), (), log=tmp_path / "logs" / "c1" / "train.log")


def runner(seconds: float = 30) -> LocalRunner:
    limited = partial(jail.run, limits=Limits(seconds=seconds), isolation="process")
    return LocalRunner(OneEnvironment(), limited)


async def test_lines_are_there_while_the_stage_runs_and_cancelling_ends_it(tmp_path: Path) -> None:
    told = job(tmp_path, *SLOW)
    running = asyncio.create_task(runner().run(told))
    assert told.log
    async with asyncio.timeout(60):
        while not (told.log.exists() and told.log.read_text()):  # noqa: ASYNC110 – a file tells nobody
            await asyncio.sleep(0.05)
    word, pid = told.log.read_text().split()
    assert word == "begun"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert running.cancelled()
    assert not Path(f"/proc/{pid}").exists()  # noqa: ASYNC240


async def test_a_stage_beyond_its_limit_is_stopped_and_its_log_stays(tmp_path: Path) -> None:
    told = job(tmp_path, *SLOW)
    ended = await runner(seconds=2).run(told)
    assert isinstance(ended, Broken)
    assert ended.sentence.endswith("was stopped at its time limit.")
    assert told.log
    assert told.log.read_text().startswith("begun")


async def test_a_stage_that_nothing_cuts_off_is_not_begun_where_that_is_required(tmp_path: Path) -> None:
    told = job(tmp_path, "python", "-c", "print('begun')")
    strict = LocalRunner(OneEnvironment(), partial(jail.run, isolation="process", required="bubblewrap"))
    ended = await strict.run(told)
    assert isinstance(ended, Broken)
    assert ended.sentence == (
        "Code of the repository was not run: it must be cut off by bubblewrap (BOLIDE_REQUIRED_ISOLATION), and the "
        "best that works on this machine is process."
    )
    assert told.log
    assert told.log.read_text() == ""


async def test_a_log_does_not_grow_without_end(tmp_path: Path) -> None:
    told = job(tmp_path, "python", "-c", "for _ in range(9000): print('x' * 1500)\nprint('the end')")
    ended = await runner().run(told)
    assert isinstance(ended, Passed)
    assert ended.output_tail.endswith("the end")
    assert told.log
    assert 8 * 2**20 <= told.log.stat().st_size < 8 * 2**20 + 2000


def test_the_logs_of_the_latest_commits_are_kept(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / str(number)).mkdir()
        os.utime(tmp_path / str(number), (number, number))
    prune_logs(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]
    prune_logs(tmp_path / "none", 2)
