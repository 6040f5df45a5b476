"""What the bot needs of the outside, as Protocols: the contract stands here, the adapters stay silent.

The ports of the package world (index, resolver) stand in `packages.py`.
"""

from bot.core.ports.answers import (
    CheckOutcome,
    CheckState,
    CommitSummary,
    History,
    Merge,
    MergedPull,
    Permission,
    PullRequest,
    Standing,
)
from bot.core.ports.clock import Now
from bot.core.ports.forge import (
    DeploymentState,
    Forge,
    ForgeRefused,
    ForgeUnavailable,
    HeadMoved,
    Reader,
    StatusState,
    Writer,
)
from bot.core.ports.inbox import Delivery, Inbox, InboxUnavailable, Job, LeaseLost
from bot.core.ports.objects import Objects, ObjectsUnavailable
from bot.core.ports.register import Document, Entry, Kind, Register, RegisterUnavailable
from bot.core.ports.runner import Deployed, Laboratory, Runner
from bot.core.ports.snapshot import BotBranch, OpenChange, OwnWork, Snapshot, TrackingIssue, Unreadable

__all__ = [
    "BotBranch",
    "CheckOutcome",
    "CheckState",
    "CommitSummary",
    "Delivery",
    "Deployed",
    "DeploymentState",
    "Document",
    "Entry",
    "Forge",
    "ForgeRefused",
    "ForgeUnavailable",
    "HeadMoved",
    "History",
    "Inbox",
    "InboxUnavailable",
    "Job",
    "Kind",
    "Laboratory",
    "LeaseLost",
    "Merge",
    "MergedPull",
    "Now",
    "Objects",
    "ObjectsUnavailable",
    "OpenChange",
    "OwnWork",
    "Permission",
    "PullRequest",
    "Reader",
    "Register",
    "RegisterUnavailable",
    "Runner",
    "Snapshot",
    "Standing",
    "StatusState",
    "TrackingIssue",
    "Unreadable",
    "Writer",
]
