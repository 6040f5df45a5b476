"""Updates that really break: installed, trained, booted and taken apart in the real laboratory."""

from pathlib import Path
from typing import Any

import pytest

from bot.core import pipfile
from bot.core.packages import ResolveRequest
from bot.core.texts import bisect, dashboard, evidence, update
from bot.wiring import packages
from tests.adapters.package_index import PackageIndex
from tests.flow.town import Town, town

MANIFEST = '[[source]]\nurl = "{url}"\nverify_ssl = true\nname = "small"\n\n[packages]\n'
LOOPBACK = frozenset({"127.0.0.1"})
NAMES = ("numbers-of", "paper", "pens", "shapes")
CONFIG = """\
python: "3.11"
training: {categories: [packages], train: [python, train.py]}
service: {categories: [packages], wsgi: "app:app", ready: /readyz}
"""
TRAINING = "import paper, pens\nassert (paper.size, pens.size) != (1.1, 1.1), 'these pens blot on this paper'\n"
SERVICE = """
import numbers_of
from shapes import circle

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ready"]
"""


async def test_a_broken_import_and_a_pair_that_does_not_go_together_are_found_among_four(tmp_path: Path) -> None:
    async with PackageIndex().serve() as index:
        wanted = MANIFEST.format(url=index.url) + "".join(f'{name} = "*"\n' for name in NAMES)
        for name in NAMES:
            index.add(name, "1.0", module="size = 1.0\ncircle = 'round'\n")
        today = await locked(tmp_path / "seed", wanted)
        for name in NAMES:
            index.add(name, "1.1", module="size = 1.1\n" if name == "shapes" else "size = 1.1\ncircle = 'round'\n")
        files: dict[str, bytes | str] = {"Pipfile": wanted, "Pipfile.lock": today, ".github/bolide.yaml": CONFIG}
        files |= {"app.py": SERVICE, "train.py": TRAINING}
        async with town(tmp_path, files, index.url) as here:
            here.install()
            pull = await here.wait(lambda: here.ada.open_pull_request(update.BRANCH), "the update")
            assert pull["title"] == "Update 4 direct dependencies (packages)"
            said = await here.wait(lambda: bisected(here, pull["number"]), "the culprits")
            assert "**shapes 1.0 → 1.1** does not work: Importing `app` failed: ImportError: cannot import" in said
            assert "**pens 1.0 → 1.1** does not work, where paper 1.0 → 1.1 is too: The short training" in said
            assert "these pens blot on this paper" in said
            assert "The other 2 updates together work" in said
            rest = await here.wait(lambda: safe(here, pull["number"]), "what is left")
            assert rest["title"] == "Update 2 direct dependencies (packages)"
            assert "| `pens` | 1.0 | 1.1 | 1.1 does not work beside paper" in rest["body"]
            (issue,) = await here.ada.get(f"/issues?labels={dashboard.LABEL}")
            noted = {(entry.package, entry.origin) for entry in dashboard.parse(issue["body"]).ignored}
            assert noted == {("shapes", "bisect"), ("pens", "bisect")}


@pytest.mark.network
@pytest.mark.enable_socket
async def test_a_flask_that_lost_what_the_app_calls_is_not_called_safe_and_the_rest_goes_on(tmp_path: Path) -> None:
    data = Path(__file__).parents[1] / "data" / "flask-exporter"
    files: dict[str, bytes | str] = {
        "Pipfile": (data / "first-request" / "Pipfile").read_text(),
        "Pipfile.lock": (data / "locks" / "flask-2.2.5-exporter-0.22.4.lock").read_text(),
        "app.py": (data / "first-request" / "app.py").read_text(),
        ".thoth.yaml": "requirements_format: pipenv\n",
    }
    async with town(tmp_path, files) as here:
        here.install()
        pull = await here.wait(lambda: here.ada.open_pull_request(update.BRANCH), "the update")
        run = await here.wait(lambda: here.ada.check_run(pull["head"]["sha"], evidence.CHECK), "evidence")
        assert run["conclusion"] == "failure"
        assert "Not safe" in run["output"]["summary"]
        said = await here.wait(lambda: bisected(here, pull["number"]), "the culprit")
        assert "**flask 2.2.5 → " in said
        assert "'Flask' object has no attribute 'before\\_first\\_request'" in said
        rest = await here.wait(lambda: safe(here, pull["number"]), "what is left")
        assert "| `prometheus-flask-exporter` **direct** | 0.22.4 |" in rest["body"]
        assert "| `flask` | 2.2.5 |" in rest["body"].split("### Held back")[1]


async def locked(folder: Path, text: str) -> str:
    """What the index on loopback gives for a Pipfile now."""
    async with packages.open_packages(folder, LOOPBACK) as found:
        request = ResolveRequest(pipfile.parse(text, LOOPBACK), None, "3.11")
        return (await found.resolver.resolve(request)).lock_text


async def bisected(here: Town, number: int) -> str | None:
    """The comment with what was found."""
    said = (str(each["body"]) for each in await here.ada.get(f"/issues/{number}/comments"))
    return next((text for text in said if f"<!-- bolide:{bisect.KEY} -->" in text), None)


async def safe(here: Town, number: int) -> dict[str, Any] | None:
    """The pull request, once it is called safe."""
    pull: dict[str, Any] = await here.ada.get(f"/pulls/{number}")
    return pull if "Safe to merge" in pull["body"] else None
