"""How far a command is cut off from the machine that it runs on."""

from typing import Literal

Isolation = Literal["bubblewrap", "unshare", "process"]
"""bubblewrap: no network, only the given files. unshare: no network. process: limits only."""
ISOLATIONS: tuple[Isolation, ...] = ("bubblewrap", "unshare", "process")
"""The strongest first."""


def is_enough(kind: Isolation, required: Isolation) -> bool:
    """Whether a kind cuts off as much as the required one or more."""
    return ISOLATIONS.index(kind) <= ISOLATIONS.index(required)
