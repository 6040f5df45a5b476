"""What a manager may look at while it plans: the ports that read, and the moment."""

from dataclasses import dataclass, field
from datetime import datetime

from bot.core.advice import Adviser
from bot.core.attestations import Attestations, NoAttestations
from bot.core.baseimages import NoRegistry, Registry
from bot.core.packages import Index, Resolver
from bot.core.ports import Deployed, Laboratory, Reader
from bot.core.releasenotes import ReleaseNotes


@dataclass(frozen=True, slots=True)
class See:
    """Reading ports for the event's repository; `login` is the bot's own, `now` is aware and in UTC.

    `allowed_hosts` are those that the operator lets Pipfile sources name though they are private or without TLS.
    """

    reader: Reader
    index: Index
    resolver: Resolver
    adviser: Adviser
    laboratory: Laboratory
    release_notes: ReleaseNotes
    deployed: Deployed
    login: str
    now: datetime
    allowed_hosts: frozenset[str] = frozenset()
    registry: Registry = field(default_factory=NoRegistry)
    attestations: Attestations = field(default_factory=NoAttestations)
