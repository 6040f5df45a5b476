"""The deliveries that Bolide puts into its own inbox, routed like GitHub's; the same cause gives the same delivery."""

import hashlib
import json
from datetime import datetime
from typing import Any

from bot.core.events import (
    CHANGE_FAILED,
    CHANGE_PROPOSED,
    LOOK_WANTED,
    SCHEDULED,
    WORLD_CHANGED,
    ChangeFailed,
    ChangeProposed,
    Repository,
)
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


def change_proposed(event: ChangeProposed, again: str = "") -> Delivery:
    """That a change wants evidence; one delivery for each head, and for each time that somebody asks `again`."""
    name = "-".join(filter(None, ("evidence", str(event.number), event.head_sha, again.replace(" ", "-"))))
    told = {**_change(event), "again": again}
    return Delivery(name, CHANGE_PROPOSED, _body(event.repository, **told))


def change_failed(event: ChangeFailed) -> Delivery:
    """That a change failed, with what has been tried; the same search at the same step gives the same delivery."""
    tried = [{"names": sorted(one.names), "works": one.works, "said": one.said} for one in event.tried]
    return _delivery(CHANGE_FAILED, event.repository, **_change(event), tried=tried, again=event.again)


def _change(event: ChangeProposed | ChangeFailed) -> dict[str, Any]:
    return {"number": event.number, "base_sha": event.base_sha, "head_sha": event.head_sha, "lock": event.lock}


def _delivery(kind: str, repository: Repository, **more: Any) -> Delivery:
    body = _body(repository, **more)
    return Delivery(f"{kind}-{hashlib.sha256(body).hexdigest()[:32]}", kind, body)


def _body(repository: Repository, **more: Any) -> bytes:
    told = {
        "repository": {"id": repository.id, "full_name": repository.name},
        "installation": {"id": repository.installation},
        **more,
    }
    return json.dumps(told, sort_keys=True).encode()
