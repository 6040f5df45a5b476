"""The first seconds of a new version in production: it is asked on, and judged beside the version before it."""

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass

from bot.pipelines.examination import Asker, Expected, Service, Sound, Unfit

LONGEST = 60.0
"""Seconds that a probation may take at most."""
MOST_ERRORS = 0.05
"""The share of questions that may stay without an answer; more, where the version before did worse."""
SLOWER = 3.0
"""How many times slower than the version before the median answer may be ..."""
MARGIN_SECONDS = 0.02
"""... beyond a difference that a busy moment of the machine explains."""
ANSWER_SECONDS = 5.0
BASELINE_SECONDS, BASELINE_QUESTIONS = 3.0, 30
_PAUSE = 0.1
"""Seconds between two questions: about ten a second, so that they are no load."""

GROUNDS = ("digits", "answer", "errors", "latency", "restarts")
"""The complaints that are the new version's own fault: what was there before comes back."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a service did under questions: how many, how many failed, and the median answer in seconds."""

    asked: int
    failed: int
    median: float

    @property
    def error_rate(self) -> float:
        """The share of questions that failed."""
        return self.failed / self.asked if self.asked else 0.0


async def measure(service: Service, expected: Expected) -> Figures | None:
    """How the version that serves now does, in a few questions; None where nothing serves. Its answers may be wrong."""
    seen = _Seen()
    until = time.monotonic() + BASELINE_SECONDS
    async with service.session(ANSWER_SECONDS) as client:
        asker = Asker(client, service.url, expected)
        for turn in range(BASELINE_QUESTIONS):
            if time.monotonic() > until:
                break
            await seen.ask(asker, turn)
    figures = seen.figures()
    return figures if figures.failed < figures.asked else None


async def watch(service: Service, expected: Expected, before: Figures | None, seconds: float) -> Sound | Unfit:
    """Ask for so many seconds, at most a minute: Sound at their end, or at once what is wrong.

    Wrong is a golden digit answered wrongly, too many questions without an answer, or twice answers slower than before.
    """
    seconds = min(seconds, LONGEST)
    found = await _look(service, expected, before, seconds)
    again = min(seconds, LONGEST - seconds)
    if isinstance(found, Unfit) and found.question == "latency" and again > 0:
        # A busy moment of the machine is over by then, a slow version is not.
        return await _look(service, expected, before, again)
    return found


async def _look(service: Service, expected: Expected, before: Figures | None, seconds: float) -> Sound | Unfit:
    seen, begun = _Seen(), time.monotonic()
    allowed = max(MOST_ERRORS, before.error_rate if before else 0.0) * max(seconds / _PAUSE, 20)
    async with service.session(min(ANSWER_SECONDS, max(1.0, seconds))) as client:
        asker = Asker(client, service.url, expected)
        for turn in itertools.count():
            if time.monotonic() - begun >= seconds:
                break
            wrong = await seen.ask(asker, turn)
            if wrong:
                return wrong
            if seen.failed > allowed:
                return seen.too_many_errors()
            await asyncio.sleep(_PAUSE)
    return _judge(seen, before) or Sound(len(expected.golden))


class _Seen:
    """The questions so far."""

    def __init__(self) -> None:
        self.failed = 0
        self._taken: list[float] = []
        self._last = ""

    async def ask(self, asker: Asker, turn: int) -> Unfit | None:
        """Ask once more; a wrong digit is told, a question without an answer counted."""
        begun = time.perf_counter()
        found = await asker.ask(turn)
        if isinstance(found, Unfit) and found.question != "digits":
            self.failed += 1
            self._last = found.sentence
            return None
        self._taken.append(time.perf_counter() - begun)
        return found

    def figures(self) -> Figures:
        """What was seen."""
        median = statistics.median(self._taken) if self._taken else 0.0
        return Figures(len(self._taken) + self.failed, self.failed, median)

    def too_many_errors(self) -> Unfit:
        """The complaint about the error rate, with its numbers and the last error."""
        seen = self.figures()
        said = f"{seen.failed} of {seen.asked} questions after the switch failed"
        return Unfit("errors", f"{said}, the last so: {self._last}")


def _judge(seen: _Seen, before: Figures | None) -> Unfit | None:
    now = seen.figures()
    if now.error_rate > max(MOST_ERRORS, before.error_rate if before else 0.0):
        return seen.too_many_errors()
    if before is None or now.median <= max(SLOWER * before.median, before.median + MARGIN_SECONDS):
        return None
    return Unfit(
        "latency",
        f"it answers in {1000 * now.median:.0f} ms, the version before in {1000 * before.median:.0f} ms: "
        f"more than {SLOWER:g} times slower.",
    )
