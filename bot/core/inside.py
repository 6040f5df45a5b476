"""The deliveries that Bolide puts into its own inbox, routed like GitHub's; the same cause gives the same delivery."""

import hashlib
import json
from datetime import datetime
from typing import Any

from bot.core.events import LOOK_WANTED, SCHEDULED, WORLD_CHANGED, Repository
from bot.core.ports import Delivery


def scheduled(repository: Repository, purpose: str, due: datetime) -> Delivery:
    """That it is time for `purpose`; one delivery for each due moment, however often it is put."""
    return _delivery(SCHEDULED, repository, purpose=purpose, due=due.isoformat())


def world_changed(repository: Repository, facts: dict[str, str]) -> Delivery:
    """That these packages changed, each with what is known of it now; the same facts give the same delivery."""
    return _delivery(WORLD_CHANGED, repository, packages=sorted(facts), facts=facts)


def look_wanted(repository: Repository, reason: str) -> Delivery:
    """That another look is wanted; one delivery for each reason."""
    return _delivery(LOOK_WANTED, repository, reason=reason)


def _delivery(kind: str, repository: Repository, **more: Any) -> Delivery:
    told = {
        "repository": {"id": repository.id, "full_name": repository.name},
        "installation": {"id": repository.installation},
        **more,
    }
    body = json.dumps(told, sort_keys=True).encode()
    return Delivery(f"{kind}-{hashlib.sha256(body).hexdigest()[:32]}", kind, body)
