"""An update against the real index, through the sandbox's door, derived again from what was kept."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.texts import update
from bot.terminal import replay
from tests.flow.town import REPOSITORY, lock_of, town

pytestmark = [pytest.mark.network, pytest.mark.enable_socket]

PIPFILE = '[[source]]\nurl = "https://pypi.org/simple"\nverify_ssl = true\nname = "pypi"\n\n[packages]\nflask = "*"\n'


async def test_a_real_update_is_derived_again_byte_for_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = await lock_of(tmp_path / "seed", PIPFILE, datetime(2025, 3, 1, tzinfo=UTC))
    files: dict[str, bytes | str] = {
        "Pipfile": PIPFILE,
        "Pipfile.lock": lock,
        ".github/bolide.yaml": 'python: "3.11"\n',
    }
    async with town(tmp_path, files) as here:
        here.install()
        pull = await here.wait(lambda: here.ada.open_pull_request(update.BRANCH), "the update")
        assert "- snapshot `" in pull["body"]

        async def gathered() -> bool | None:
            return any((tmp_path / "bot" / "snapshots").glob("sources/*.gz")) or None

        await here.wait(gathered, "the index's pages")
    assert await asyncio.to_thread(replay.main, f"{REPOSITORY}#{pull['number']}", tmp_path / "bot", None) == 0
    assert "DIFFERENT" not in capsys.readouterr().out
