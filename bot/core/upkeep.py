"""Pull requests of upkeep: a mark in the text tells what one proposes, so that it is not proposed again."""

import re

from bot.core.ports import Snapshot


def mark(kind: str, proposal: str) -> str:
    """What stands in the pull request's text; `proposal` is the SHA-256 of what it proposes."""
    return f"<!-- bolide:{kind} {proposal} -->"


def settled(start: Snapshot, kind: str, proposal: str) -> str:
    """Why there is no need to propose it, seen on its branch: it was declined, or is open; else empty."""
    if proposal in (_proposed(kind, body) for body in start.declined):
        return "This was proposed, and its pull request was closed."
    number = start.branch.pull_request if start.branch else None
    if start.branch and number and _proposed(kind, start.branch.pull_request_body) == proposal:
        return f"#{number} proposes it."
    return ""


def _proposed(kind: str, body: str) -> str:
    """What the pull request's text says that it proposes; empty where it does not say."""
    found = re.search(rf"<!-- bolide:{kind} ([0-9a-f]{{64}}) -->", body)
    return found[1] if found else ""
