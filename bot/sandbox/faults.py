"""Faults that the sandbox shows when told to: errors before and after the write, latency, resets, truncation."""

import re
from dataclasses import dataclass, field

from bot.sandbox.entities import Json
from bot.sandbox.errors import invalid

FAULT = re.compile(
    r"(?P<kind>[1-5]\d\d)(?P<after>-after-write)?(?:-retry-after:(?P<retry>\d+))?"
    r"|latency:(?P<seconds>\d+(?:\.\d+)?)|reset|truncate"
)


@dataclass(slots=True)
class Fault:
    """One fault: what it hits, how often still, what happens."""

    method: str
    path: re.Pattern[str]
    operation: str
    times: int
    fault: str


@dataclass(slots=True)
class Faults:
    """The faults that are armed."""

    armed: list[Fault] = field(default_factory=list)

    def arm(self, order: Json) -> None:
        """Arm a fault from `{"match": {"method", "path", "operation"}, "times", "fault"}`; raises 422."""
        match = order.get("match") or {}
        fault = str(order.get("fault", ""))
        if not FAULT.fullmatch(fault):
            raise invalid("Fault", "fault")
        try:
            path = re.compile(str(match.get("path", "")))
        except re.error as error:
            raise invalid("Fault", "path") from error
        method, operation = str(match.get("method", "")).upper(), str(match.get("operation", ""))
        self.armed.append(Fault(method, path, operation, int(order.get("times", 1)), fault))

    def strike(self, method: str, path: str, operation: str) -> str | None:
        """The fault for this request, used up once."""
        for fault in self.armed:
            hit = (
                fault.method in {"", method}
                and fault.path.search(path)
                and (not fault.operation or fault.operation in operation.split(","))
            )
            if hit and fault.times > 0:
                fault.times -= 1
                return fault.fault
        return None
