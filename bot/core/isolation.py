"""How far a command is cut off from the machine that it runs on."""

from typing import Literal

LocalIsolation = Literal["bubblewrap", "unshare", "process"]
"""bubblewrap: no network, only the given files. unshare: no network. process: limits only."""
Isolation = LocalIsolation | Literal["pod"]
"""pod: a pod of its own, with none of Bolide's files and keys, and the network that the cluster's policy leaves it."""
LOCAL_ISOLATIONS: tuple[LocalIsolation, ...] = ("bubblewrap", "unshare", "process")
"""Those that a machine can give itself, the strongest first."""
ISOLATIONS: tuple[Isolation, ...] = ("bubblewrap", "pod", "unshare", "process")
"""The strongest first: keys in reach weigh more than a network."""


def is_enough(kind: Isolation, required: Isolation) -> bool:
    """Whether a kind cuts off as much as the required one or more."""
    return ISOLATIONS.index(kind) <= ISOLATIONS.index(required)
