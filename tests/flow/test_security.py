"""An advisory comes out: from the folder of records to the pull request that mends it, and its end."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.core.texts import dashboard
from tests.adapters.package_index import PackageIndex
from tests.flow.test_bisect import MANIFEST, locked
from tests.flow.town import Town, town

CONFIG = 'python: "3.11"\nupdates: {schedule: "0 5 1 1 *", limits: {open: 1}}\n'


def record(name: str, package: str, fixed: str) -> str:
    """An advisory in the OSV schema."""
    events = [{"introduced": "0"}, {"fixed": fixed}]
    affected = {"package": {"ecosystem": "PyPI", "name": package}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    told = {"schema_version": "1.6.0", "id": name, "modified": "2026-11-23T00:00:00Z", "affected": [affected]}
    return json.dumps({**told, "summary": "Ink leaks, says @everyone"})


async def test_an_advisory_brings_its_own_pull_request_at_once_and_the_merge_ends_it(tmp_path: Path) -> None:
    known = tmp_path / "advisories"
    known.mkdir()
    (known / "old.json").write_text(record("PYSEC-2020-1", "ink", "9"))
    async with PackageIndex().serve() as index:
        wanted = MANIFEST.format(url=index.url) + 'paper = "*"\npens = "*"\n'
        for name in ("paper", "pens"):
            index.add(name, "1.0")
        today = await locked(tmp_path / "seed", wanted)
        for name in ("paper", "pens"):
            index.add(name, "2.0")
        index.add("pens", "1.0.1", uploaded=datetime.now(UTC) - timedelta(hours=1))
        files: dict[str, bytes | str] = {"Pipfile": wanted, "Pipfile.lock": today, ".github/bolide.yaml": CONFIG}
        async with town(tmp_path, files, index.url, str(known)) as here:
            here.install()
            await here.wait(lambda: _told(here, "| Update 2 direct dependencies (packages) | the schedule"), "the wait")
            (known / "new.json").write_text(record("PYSEC-2026-9", "pens", "1.0.1"))
            pull = await here.wait(lambda: _labelled(here), "what mends it")
            assert pull["title"] == "Security: Update pens from 1.0 to 1.0.1 (packages)"
            assert "fixes [PYSEC-2026-9](https://osv.dev/vulnerability/PYSEC-2026-9) (fixed in 1.0.1)" in pull["body"]
            (changed,) = await here.ada.get(f"/pulls/{pull['number']}/files")
            assert '"version": "==1.0.1"' in changed["patch"]
            assert '-            "version": "==1.0"\n' in changed["patch"]
            assert '"paper"' not in changed["patch"]
            await here.wait(lambda: _told(here, f"**Open**: #{pull['number']}\n"), "what is open")
            assert len(await here.ada.get("/pulls")) == 1
            await here.ada.merge(pull["number"])
            await here.wait(lambda: _told(here, "**Open**: nothing\n"), "the end")


async def _labelled(here: Town) -> dict[str, Any] | None:
    pull = await here.ada.open_pull_request("bolide/security")
    return pull if pull and [label["name"] for label in pull["labels"]] == ["security"] else None


async def _told(here: Town, words: str) -> bool | None:
    found = await here.ada.get(f"/issues?labels={dashboard.LABEL}")
    return True if found and words in found[0]["body"] else None
