"""Every answered request, once: counted, timed, and written as one line of JSON."""

import time
from collections.abc import Callable

import orjson

from app.meters import Meters

Sink = Callable[[bytes], object]


class Journal:
    """Notes requests in the metrics, and in the access log where there is one."""

    def __init__(self, meters: Meters, sink: Sink | None = None) -> None:
        self._meters, self._sink = meters, sink

    def note(self, method: str, path: str, route: str | None, status: int, started: float) -> None:
        """Note an answer that was begun at `started`, a `time.perf_counter()`; no route for what none matches."""
        seconds = time.perf_counter() - started
        # The route, not the path, and a method that it knows: strangers must not grow the number of series.
        self._meters.request(route or "unmatched", method if route else "any", status, seconds)
        if self._sink:
            line = {
                "at": round(time.time(), 3),
                "method": method[:20],
                "path": path[:200],
                "status": status,
                "ms": round(1000 * seconds, 3),
            }
            self._sink(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
