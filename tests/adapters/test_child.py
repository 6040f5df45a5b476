"""A child process is bounded, heard, and gone with all that it started when the call is over."""

import asyncio
from pathlib import Path

import pytest

from bot.adapters import child
from bot.adapters.child import Ended, Limits
from bot.demo.person import until
from bot.pipelines.server import group_alive

ENOUGH = Limits(60)
LEAVING = "sleep 600 & echo $$ >here.tmp; mv here.tmp here; wait"


async def sh(place: Path, script: str, limits: Limits = ENOUGH, **more: bytes | int) -> Ended:
    given, longest = more.get("given", b""), more.get("longest", child.LONGEST)
    assert isinstance(given, bytes)
    assert isinstance(longest, int)
    return await child.run(
        ("/bin/sh", "-c", script),
        cwd=place,
        environ={"SEEN": "yes"},
        limits=limits,
        heard="both",
        given=given,
        longest=longest,
    )


async def test_it_hears_what_it_was_told_and_nothing_of_this_process(tmp_path: Path) -> None:
    ended = await sh(tmp_path, "cat; echo $SEEN >&2; exit 3", given=b"told\n")
    assert (ended.code, ended.text) == (3, "told\nyes\n")
    seen = {line.partition("=")[0] for line in (await sh(tmp_path, "env")).text.splitlines()}
    assert seen <= {"SEEN", "PWD", "OLDPWD", "SHLVL", "_"}
    assert (await sh(tmp_path, "cat")).said == b""
    # More input than a pipe holds, to one that does not read it.
    assert (await sh(tmp_path, "echo done", given=bytes(2**20))).said == b"done\n"


async def test_only_the_beginning_of_a_long_speech_is_kept(tmp_path: Path) -> None:
    ended = await sh(tmp_path, "head -c 300000 /dev/zero; echo end", longest=1000)
    assert (ended.code, len(ended.said)) == (0, 1000)


async def test_beyond_its_time_it_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await sh(tmp_path, "while :; do :; done", Limits(0.2))


async def test_when_it_is_cancelled_all_its_group_ends(tmp_path: Path) -> None:
    task = asyncio.create_task(sh(tmp_path, LEAVING))

    async def begun() -> int | None:
        here = tmp_path / "here"
        return int(here.read_text()) if here.exists() else None

    group = await until(begun, "the child", 60)
    assert group_alive(group)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async def gone() -> bool | None:
        return not group_alive(group) or None

    await until(gone, "the end of the group", 60)


async def test_one_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await child.run(("no-such-program",), cwd=tmp_path, environ={}, limits=ENOUGH, heard="output")
