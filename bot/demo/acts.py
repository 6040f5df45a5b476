"""The story of the demo, act by act: update, evidence, merge, redeployment, release; each tells what it measured."""

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from bot.core.texts import evidence, release, update
from bot.demo import report
from bot.demo.machinery import Install
from bot.demo.person import Person, Stuck, until
from bot.demo.progress import Steps
from bot.demo.report import DeploymentFigures, UpdateFigures
from bot.demo.seed import Digit
from bot.demo.visitors import visiting

RELEASE_ISSUE = "New minor release"
_COUNT = re.compile(r"(\d+) (direct|transitive)")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the story plays: GitHub's pages at `site`, the service at `service`; `log` lists the API requests."""

    site: str
    repository: str
    service: str
    person: Person
    digit: Digit
    log: Callable[[], list[dict[str, Any]]]
    install: Install

    def page(self, path: str) -> str:
        """A page of the repository."""
        return f"{self.site}/{self.repository}{path}"


async def propose(stage: Stage, steps: Steps) -> tuple[UpdateFigures, dict[str, Any]]:
    """Install the App and wait for the update pull request."""
    with steps.step("The bot resolves against the package index and opens an update") as step:
        begun = time.monotonic()
        stage.install()
        pull = await until(lambda: stage.person.open_pull_request(update.BRANCH), "The update pull request", 180)
        seconds = time.monotonic() - begun
        step.say(f"Pull request: [bold]{pull['title']}[/]")
    counts = {word: int(number) for number, word in _COUNT.findall(pull["title"])}
    figures = UpdateFigures(
        url=pull["html_url"],
        title=pull["title"],
        changed_direct=counts.get("direct", 0),
        changed_transitive=counts.get("transitive", 0),
        seconds=round(seconds, 2),
    )
    steps.tell(f"  {pull['html_url']}")
    return figures, pull


async def first_deployment(stage: Stage, steps: Steps) -> None:
    """Wait until today's lock is trained with and serves."""
    with steps.step("Today's lock: train, evaluate, package, deploy, verify") as step:
        sha = await stage.person.head()
        step.say(f"Deployed with today's lock: {await _outcome(stage, sha)}")
    steps.tell(f"  {stage.service}")


async def examine(stage: Stage, steps: Steps, pull: dict[str, Any]) -> dict[str, Any]:
    """Wait for the evidence; its figures."""
    with steps.step("Evidence: both locks are installed, the model trains, the app boots and predicts") as step:
        sha = pull["head"]["sha"]
        run = await until(lambda: stage.person.check_run(sha, evidence.CHECK), "The evidence", 600, 0.3)
        step.say(f"Evidence: [bold]{run['output']['title']}[/]")
    figures = evidence.read_json(run["output"]["summary"])
    if not figures:
        raise Stuck(f"The evidence has no figures: {run['output']['summary'][:500]}")
    return report.evidence_figures(figures)


async def merge(stage: Stage, steps: Steps, pull: dict[str, Any]) -> DeploymentFigures:
    """Merge as a person would and wait for the redeployment, with visitors at the service all the while."""
    async with visiting(stage.service, stage.digit) as count:
        with steps.step("Merged: train, evaluate, package, deploy, verify; visitors ask all the while") as step:
            begun = time.monotonic()
            sha = await stage.person.merge(pull["number"])
            said = await _outcome(stage, sha)
            seconds = time.monotonic() - begun
            step.say(f"Redeployed: {said}")
    version = await _version(stage)
    steps.tell(f"  {stage.service} answers as {version[:8]}; {count.asked} requests meanwhile, {count.failed} failed")
    return DeploymentFigures(sha, version, count.failed, count.asked, round(seconds, 2))


async def publish(stage: Stage, steps: Steps) -> dict[str, str]:
    """Ask for a release by an issue, merge its pull request, wait for tag and Release."""
    with steps.step(f"Issue “{RELEASE_ISSUE}”: release pull request, merge, tag") as step:
        await stage.person.open_issue(RELEASE_ISSUE)
        pull = await until(lambda: stage.person.open_pull_request(release.BRANCH), "The release pull request", 60)
        await stage.person.merge(pull["number"])
        version = pull["title"].removeprefix(release.TITLE)
        tag = f"v{version}"
        found = await until(lambda: stage.person.release(tag), f"The release {tag}", 300)
        step.say(f"Released: [bold]{found['tag_name']}[/]")
    steps.tell(f"  {found['html_url']}")
    return {"version": version, "tag": found["tag_name"]}


async def predict(stage: Stage) -> dict[str, Any]:
    """Ask the service for one test image."""
    body = {"inputs": stage.digit.image}
    async with aiohttp.ClientSession() as session, session.post(f"{stage.service}/predict", json=body) as answer:
        answer.raise_for_status()
        told = await answer.json()
    return {"digit": told["prediction"], "expected": stage.digit.label}


async def once(stage: Stage, steps: Steps) -> dict[str, Any]:
    """The whole story without a person; the report."""
    begun = time.monotonic()
    figures, pull = await propose(stage, steps)
    await first_deployment(stage, steps)
    seen = await examine(stage, steps, pull)
    requests = report.update_requests(stage.log())  # by now the last of them is answered, and so in the log
    deployed = await merge(stage, steps, pull)
    predicted = await predict(stage)
    released = await publish(stage, steps)
    return {
        "update_pr": asdict(figures) | {"github_requests": requests},
        "evidence": seen,
        "deployment": asdict(deployed),
        "prediction": predicted,
        "release": released,
        "seconds": round(time.monotonic() - begun, 1),
    }


async def _outcome(stage: Stage, sha: str) -> str:
    """How the run of the commit ended; raises Stuck where it failed."""
    found = await until(lambda: stage.person.status(sha, "bolide"), f"The deployment of {sha[:8]}", 900, 0.3)
    if found["state"] != "success":
        raise Stuck(f"The deployment of {sha[:8]} failed: {found['description']}")
    return str(found["description"])


async def _version(stage: Stage) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"{stage.service}/version") as answer:
        return str((await answer.json())["commit"])
