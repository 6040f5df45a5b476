"""From merges to verified services: how long, how much work, how many failed requests, and what bad candidates come to.

Run `python -m bench.bench_redeploy [--model DIR] [--parts app,docs,storm,rollouts,bad]`; the last line printed is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.candidates import Files, candidates
from bench.site import Ended, Site, fit, opened
from tests.pipelines.load import Asked, loading

STORM = 20
APART = 12.0
"""Seconds between merges that are to be taken for single ones, not for the beginning of a storm."""
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Bench:
    """What each part works with."""

    site: Site
    model: dict[str, bytes]
    asked: Asked
    rate: float
    rollouts: int


async def app_only(bench: Bench) -> Figures:
    """Seconds from the merge of a change of the service alone to its verified status; the worst of three."""
    taken = []
    for number in range(1, 4):
        await asyncio.sleep(APART)
        taken.append(await _deployed(bench.site, f"app-only merge {number}"))
    ran = [bench.site.ran(ended.sha) for ended in taken]
    if any(stage in ("train", "evaluate", "gate") for stages in ran for stage in stages):
        raise SystemExit(f"A change of the service alone made a model again: {ran}.")
    seconds = [round(ended.seconds, 2) for ended in taken]
    return {"app_only_seconds": max(seconds), "app_only_seconds_each": seconds}


async def docs_only(bench: Bench) -> Figures:
    """How many stages do any work when documentation alone changes."""
    before = await bench.site.version()
    ended = await bench.site.merge({"README.md": f"Digits, {time.time_ns()}.\n"}, "Say more of digits")
    _require(ended, "success")
    if await bench.site.version() != before:
        raise SystemExit("A merge of documentation changed what is served.")
    record = bench.site.record(ended.sha)
    ran = bench.site.ran(ended.sha)
    print(f"docs only: {ended.sentence}", flush=True)
    return {"docs_only_stages": len(ran), "docs_only_work_seconds": record.get("seconds"), "docs_only_ran": ran}


async def storm(bench: Bench) -> Figures:
    """Twenty merges in less than a minute: how many are built, and whether each is told how it ended."""
    site = bench.site
    numbers = [await site.propose(_touch(f"storm-{number}"), f"Storm {number}") for number in range(STORM)]
    begun = time.monotonic()
    shas = [await site.person.merge(number) for number in numbers]
    merging = time.monotonic() - begun
    loop = asyncio.get_running_loop().time
    ends = [await site.ended(sha, loop()) for sha in shas]
    built = [ended.sha for ended in ends if "package" in site.ran(ended.sha)]
    recorded = [ended for ended in ends if ended.sha in built or "not built by itself" in ended.sentence.lower()]
    if await site.version() != shas[-1]:
        raise SystemExit(f"After the storm {await site.version()} serves, not {shas[-1]}.")
    return {
        "storm_merges": STORM,
        "storm_merging_seconds": round(merging, 1),
        "storm_builds": len(built),
        "storm_recorded": len(recorded),
        "storm_seconds_to_the_last": round(time.monotonic() - begun, 1),
    }


async def rollouts(bench: Bench) -> Figures:
    """Failed requests over roll-outs by merges, while requests come on new and on kept connections."""
    begun = time.monotonic()
    async with loading(bench.site.service, rate=bench.rate, clients=16, asked=bench.asked) as load:
        for number in range(1, bench.rollouts + 1):
            ended = await _deployed(bench.site, f"roll-out {number}")
            print(f"  {ended.seconds:.1f} s, {load.sent} requests, {len(load.failed)} failed", flush=True)
    return {
        "rollouts": bench.rollouts,
        "requests": load.sent,
        "requests_per_second": round(load.sent / (time.monotonic() - begun), 1),
        "failed_requests": len(load.failed),
        "first_failure": load.failed[0] if load.failed else None,
        "worst_latency_ms": round(1000 * load.worst, 1),
    }


async def bad(bench: Bench) -> Figures:
    """Whether each bad candidate is stopped or rolled back, and the longest that the good version was not certain."""
    site = bench.site
    told: dict[str, Figures] = {}
    begun = await _deployed(site, "the good version")
    good = begun.sha
    for name, files in candidates(bench.model, site.files).items():
        async with loading(site.service, rate=10, clients=2, asked=bench.asked) as load:
            ended = await _inject(site, name, files)
        serving = await site.version()
        stopped = ended.state == "failure" and serving == good
        told[name] = {
            "stopped": stopped,
            "seconds": round(ended.seconds, 1),
            "by": next(reversed(site.ran(ended.sha)), ""),
            "served": ended.sha in load.commits,
            "wrong_answers": len(load.failed),
            "sentence": ended.sentence,
        }
        print(f"bad candidate: {name}: {told[name]}", flush=True)
        if serving != good:
            good = (await _restored(site)).sha
    return {
        "bad_candidates": told,
        "bad_candidates_stopped_share": round(sum(each["stopped"] for each in told.values()) / len(told), 3),
        "rollback_seconds_max": max(each["seconds"] for each in told.values()),
    }


async def _inject(site: Site, name: str, files: Files) -> Ended:
    """Merge the candidate; what an earlier one changed is put right in the same merge."""
    return await site.merge({**_good(site), **files}, f"A candidate: {name}")


def _good(site: Site) -> dict[str, bytes | str]:
    return {name: text for name, text in site.files.items() if name.startswith(("app/", "training/given/"))}


async def _restored(site: Site) -> Ended:
    ended = await site.merge({**_good(site), **_touch("restored")}, "Back to what is good")
    _require(ended, "success")
    return ended


async def _deployed(site: Site, title: str) -> Ended:
    """A merged change of the service, verified; raises SystemExit where it is not."""
    ended = await site.merge(_touch(title), title)
    _require(ended, "success")
    served = await site.version()
    if served != ended.sha:
        raise SystemExit(f"{site.service} answers {served}, not {ended.sha}.")
    print(f"{title}: {ended.seconds:.1f} s from the merge, {', '.join(site.ran(ended.sha))}", flush=True)
    return ended


def _touch(title: str) -> dict[str, bytes | str]:
    """A change of the service's files that changes no answer."""
    name = "".join(letter if letter.isalnum() else "_" for letter in title)
    return {f"app/notes_{name}.py": f'"""{title}, {time.time_ns()}."""\n'}


def _require(ended: Ended, state: str) -> None:
    if ended.state != state:
        raise SystemExit(f"The run of {ended.sha[:8]} ended as {ended.state}, not {state}: {ended.sentence}")


PARTS: dict[str, Callable[[Bench], Awaitable[Figures]]] = {
    "app": app_only,
    "docs": docs_only,
    "storm": storm,
    "rollouts": rollouts,
    "bad": bad,
}
_MODEL_FILES = ("model.tflite", "card.json", "golden.json", "int8.tflite")


async def measure(folder: Path, model: Path, parts: list[str], *, rate: float, times: int) -> Figures:
    """The figures of these parts, in order, on one site."""
    content = {name: (model / name).read_bytes() for name in _MODEL_FILES if (model / name).exists()}
    golden = json.loads(content["golden.json"])
    asked = {"inputs": golden["inputs"][4]}, golden["labels"][4]
    figures: Figures = {}
    async with opened(folder, content) as site:
        bench = Bench(site, content, asked, rate, times)
        for part in parts:
            found = await PARTS[part](bench)
            print(f"{part}: {json.dumps(found)}", flush=True)
            figures |= {name: value for name, value in found.items() if name != "bad_candidates"}
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a model directory of the training; without it one is fitted")
    parser.add_argument("--parts", default=",".join(PARTS), help="which parts, in order (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second in roll-outs (default: 100)")
    parser.add_argument("--rollouts", type=int, default=10, help="roll-outs under load (default: %(default)s)")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="redeploy-")))
        model = fit(given.model.absolute() if given.model else folder / "model")
        parts = given.parts.split(",")
        figures = asyncio.run(measure(folder, model, parts, rate=given.rate, times=given.rollouts))
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
