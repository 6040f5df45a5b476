"""Making a thing that twice would be two: it is looked for before, and after an answer that was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from bot.adapters.github.line import Answer, Question, Unclear
from bot.adapters.github.session import PAUSES, RepositorySession
from bot.core.ports import ForgeUnavailable

T = TypeVar("T")
Look = Callable[[], Awaitable[T | None]]
Create = Callable[[], Awaitable[None]]


class Maker:
    """Makes things in one repository."""

    def __init__(self, session: RepositorySession) -> None:
        self._session = session

    async def once(self, look: Look[T], create: Create) -> T | None:
        """What `look` finds, or None once `create` has made it: after an unclear answer it is looked for again."""
        for pause in PAUSES:
            await asyncio.sleep(pause)
            found = await look()
            if found is not None:
                return found
            try:
                await create()
            except Unclear as problem:
                reason = problem
            else:
                return None
        raise ForgeUnavailable(f"{reason}.") from reason

    async def make_sure(self, look: Look[T], create: Create) -> T:
        """What is there, made if it was not."""
        found = await self.once(look, create) or await look()
        if found is None:
            raise ForgeUnavailable(f"{self._session.repository.name}: GitHub does not show yet what was made.", after=2)
        return found

    async def create(self, path: str, data: Any) -> Answer:
        """The answer to one POST, sent once; that it exists already is as good. Raises Unclear."""
        return await self.send(Question("POST", f"{self._session.path}/{path}", data))

    async def send(self, question: Question) -> Answer:
        """The answer to a question, sent once; that it exists already is as good. Raises Unclear."""
        answer = await self._session.ask(question)
        if answer.status == 422 and _exists(answer):
            return answer
        return self._session.accept(answer, question.name)

    async def change(self, method: str, path: str, data: Any) -> Answer:
        """The answer to what may be sent twice."""
        answer = await self._session.repeat(method, f"{self._session.path}/{path}", data)
        return self._session.accept(answer, path)


def _exists(answer: Answer) -> bool:
    sentence = answer.sentence.lower()
    return "already exists" in sentence or "already_exists" in sentence
