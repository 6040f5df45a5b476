from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox import Sandbox
from tests.sandbox.harness import judged_sandbox, key_pair


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with judged_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture(scope="session")
def keys() -> tuple[str, str]:
    return key_pair()
