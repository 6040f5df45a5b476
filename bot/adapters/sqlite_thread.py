"""A thread that owns an SQLite file: what is asked at the same time is committed together, durably, then answered."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.core.ports import InboxUnavailable

T = TypeVar("T")

GATHER = 0.002
"""Seconds that a transaction waits for company: far less than a disk's flush, which all of it then shares."""
_MOST_TOGETHER = 500
_CLOSED = "The inbox is closed."


@dataclass(slots=True)
class _Request:
    """Something to do with the connection, whom to tell, and what came of it."""

    work: Callable[[sqlite3.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def answer(self) -> None:
        with contextlib.suppress(RuntimeError):  # the asker's event loop is gone
            self.loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class SqliteThread:
    """Runs functions on a connection, each in a savepoint of a shared transaction: WAL, synchronous=FULL."""

    def __init__(self, path: Path, schema: str, *, most_bytes: int, patience: float) -> None:
        self._path = path
        self._connection = _connect(path, schema, most_bytes, patience)
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = True
        self._thread = threading.Thread(target=self._serve, name=f"sqlite {path.name}", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once on disk; raises what it raised, or InboxUnavailable when nothing was stored."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._lock:
            if not self._open:
                raise InboxUnavailable(_CLOSED)
            self._requests.put(_Request(work, loop, future))
        return await future

    def close(self) -> None:
        """Finish what was asked, then close the file."""
        with self._lock:
            if not self._open:
                return
            self._open = False
            self._requests.put(None)
        self._thread.join()

    def _serve(self) -> None:
        try:
            while (first := self._requests.get()) is not None:
                together, last = self._gather(first)
                self._commit(together)
                for request in together:
                    request.answer()
                if last:
                    return
        finally:
            self._connection.close()

    def _gather(self, first: _Request) -> tuple[list[_Request], bool]:
        together = [first]
        until = time.monotonic() + GATHER
        while len(together) < _MOST_TOGETHER:
            try:
                following = self._requests.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if following is None:
                return together, True
            together.append(following)
        return together, False

    def _commit(self, together: list[_Request]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for request in together:
                self._carry_out(request)
            self._connection.execute("COMMIT")
        except sqlite3.Error as problem:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            for request in together:
                request.error = InboxUnavailable(f"{self._path} cannot be written: {problem}.")

    def _carry_out(self, request: _Request) -> None:
        self._connection.execute("SAVEPOINT one")
        try:
            request.result = request.work(self._connection)
        except sqlite3.Error:
            raise
        except Exception as problem:  # the asker's, not ours: it goes back with the answer
            request.error = problem
            self._connection.execute("ROLLBACK TO one")
        self._connection.execute("RELEASE one")


def _connect(path: Path, schema: str, most_bytes: int, patience: float) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL").close()
        connection.execute("PRAGMA synchronous = FULL").close()
        page = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {most_bytes // page}").close()
        connection.executescript(schema)
    except (OSError, sqlite3.Error) as problem:
        raise InboxUnavailable(f"{path} cannot be opened: {problem}.") from problem
    return connection
