from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.inbox import SqliteInbox
from tests.contract.inbox_suite import Clock, InboxSuite
from tests.contract.memory_inbox import MemoryInbox


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestSqliteInbox(InboxSuite):
    @pytest.fixture
    def inbox(self, tmp_path: Path, clock: Clock) -> Iterator[SqliteInbox]:
        inbox = SqliteInbox(tmp_path / "inbox.sqlite", clock=clock)
        yield inbox
        inbox.close()


class TestMemoryInbox(InboxSuite):
    @pytest.fixture
    def inbox(self, clock: Clock) -> MemoryInbox:
        return MemoryInbox(clock)
