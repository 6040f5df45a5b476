"""Who may command the bot: the same rule everywhere, asked of GitHub at the moment of execution."""

from typing import Literal

Permission = Literal["admin", "write", "read", "none"]


def refusal(permission: Permission) -> str | None:
    """None where the permission suffices; else one polite sentence that mentions nobody."""
    if permission in ("admin", "write"):
        return None
    return "Commands here are for people with write access to this repository; please ask one of them."
