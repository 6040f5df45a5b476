"""Objects in memory: the port's smallest implementation."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryObjects:
    held: dict[str, bytes] = field(default_factory=dict)

    async def get(self, name: str) -> bytes | None:
        return self.held.get(name)

    async def put(self, name: str, content: bytes) -> None:
        self.held[name] = content
