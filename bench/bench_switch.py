"""Failed requests and the slowest answer over blue/green switches and hot swaps of the real app, under load.

Run `python -m bench.bench_switch [--rate 200] [--switches 10] [--model DIR]`; the last line printed is JSON.
"""

import argparse
import asyncio
import hashlib
import json
import shutil
import tempfile
import time
from pathlib import Path

from bench.subjects import CHECKOUT, Room, serving_requirements
from bot.core import repoconfig
from bot.pipelines import release
from bot.pipelines.control import Switched
from bot.pipelines.release import Release, Trace
from tests.pipelines.load import Load, loading
from tests.pipelines.workshop import Running, sha, supervising

SWAP_SECONDS = 10.0


def make_release(folder: Path, room: Room, number: int) -> Release:
    """A sealed release of the app with its model, as a merge makes it."""
    service = repoconfig.parse((CHECKOUT / repoconfig.PATH).read_text()).service
    if not service:
        raise SystemExit(f"{repoconfig.PATH} names no service.")
    card = release.read_card(room.model)
    content = hashlib.sha256(str(number).encode()).hexdigest()
    trace = Trace(content, sha(number), "0" * 64, "1" * 64, None, card["model_id"], card["sha256"])
    packages = room.install("serving", serving_requirements()).parent
    target = folder / "releases" / release.name_of(content, sha(number))
    target.parent.mkdir(exist_ok=True)
    return release.seal(target, trace=trace, service=service, tree=CHECKOUT, model=room.model, packages=packages)


async def switch(running: Running, releases: list[Release], load: Load) -> list[float]:
    """Blue/green to each release; the seconds that each took."""
    seconds = []
    for number, made in enumerate(releases, 1):
        switched = await running.ask.deploy(made.path)
        if not isinstance(switched, Switched):
            raise SystemExit(switched.sentence)
        seconds.append(switched.seconds)
        served = await running.commit()
        print(f"switch {number}: {switched.seconds:.1f} s, {load.sent} requests, {len(load.failed)} failed", flush=True)
        if served != made.trace.commit:
            raise SystemExit(f"{running.url} answers {served}, not {made.trace.commit}.")
    return seconds


async def swap(running: Running, model: Path, swaps: int, load: Load) -> None:
    """Put another card over the model's so many times, each time until the service answers as that model."""
    card = json.loads((model / "card.json").read_text())
    for number in range(1, swaps + 1):
        name = f"swapped-{number}"
        (model / "card.partial").write_text(json.dumps(card | {"model_id": name}))
        (model / "card.partial").replace(model / "card.json")
        until = time.monotonic() + SWAP_SECONDS
        while (await running.get("/version")).get("model") != name:
            if time.monotonic() > until:
                raise SystemExit(f"The service did not take {name} in within {SWAP_SECONDS:.0f} s.")
            await asyncio.sleep(0.05)
        print(f"swap {number}: {load.sent} requests, {len(load.failed)} failed", flush=True)


async def measure(folder: Path, room: Room, *, rate: float = 200.0, switches: int = 10) -> dict[str, object]:
    """Switch and swap again and again while requests come, half of them on new connections."""
    work = Path(tempfile.mkdtemp(prefix="switch-", dir=folder))
    releases = [await asyncio.to_thread(make_release, work, room, number) for number in range(switches + 1)]
    golden = json.loads((room.model / "golden.json").read_text())
    asked = {"inputs": golden["inputs"][4]}, golden["labels"][4]
    try:
        async with supervising(work / "state", boot_seconds=60) as running:
            await running.ask.deploy(releases[0].path)
            begun = time.monotonic()
            async with loading(running.url, rate=rate, clients=16, asked=asked) as load:
                seconds = await switch(running, releases[1:], load)
                between, worst = len(load.failed), load.worst
                load.worst = 0.0
                await swap(running, releases[-1].path / "model", switches, load)
            lasted = time.monotonic() - begun
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return {
        "switches": switches,
        "swaps": switches,
        "requests": load.sent,
        "requests_per_second": round(load.sent / lasted, 1),
        "failed_requests": len(load.failed),
        "failed_in_switches": between,
        "first_failure": load.failed[0] if load.failed else None,
        "worst_latency_ms_switches": round(worst * 1000, 1),
        "worst_latency_ms_swaps": round(load.worst * 1000, 1),
        "switch_seconds_median": round(sorted(seconds)[len(seconds) // 2], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (default: %(default)s)")
    parser.add_argument("--switches", type=int, default=10, help="and as many swaps (default: %(default)s)")
    parser.add_argument("--model", type=Path, default=CHECKOUT / "model", help="a model directory of the training")
    parser.add_argument("--folder", type=Path, help="where the environment is made, to be used again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="switch-") as made:
        folder = given.folder.absolute() if given.folder else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        room = Room(folder, given.model.absolute(), b"")
        found = asyncio.run(measure(folder, room, rate=given.rate, switches=given.switches))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
