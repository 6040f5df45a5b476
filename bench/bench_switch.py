"""Failed requests and the slowest answer over ten switches between releases, under load from this machine.

Run `python -m bench.bench_switch [--rate 200] [--switches 10]`; the last line printed is JSON.
"""

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path

from bot.pipelines.control import Switched
from tests.pipelines.load import loading
from tests.pipelines.workshop import make_release, sha, supervising


async def measure(folder: Path, *, rate: float, switches: int) -> dict[str, object]:
    """Switch again and again while requests come, half of them on new connections."""
    releases = [await asyncio.to_thread(make_release, folder, number) for number in range(switches + 1)]
    seconds = []
    async with supervising(folder / "state", boot_seconds=30) as running:
        await running.ask.deploy(releases[0].path)
        begun = time.monotonic()
        async with loading(running.url, rate=rate, clients=16) as load:
            for number, release in enumerate(releases[1:], 1):
                switched = await running.ask.deploy(release.path)
                if not isinstance(switched, Switched):
                    raise SystemExit(switched.sentence)
                seconds.append(switched.seconds)
                served = await running.commit()
                print(f"switch {number}: {switched.seconds:.1f} s, {load.sent} requests, {len(load.failed)} failed")
                if served != sha(number):
                    raise SystemExit(f"{running.url} answers {served}, not {sha(number)}.")
        lasted = time.monotonic() - begun
    return {
        "switches": switches,
        "requests": load.sent,
        "requests_per_second": round(load.sent / lasted, 1),
        "failed_requests": len(load.failed),
        "first_failure": load.failed[0] if load.failed else None,
        "worst_latency_ms": round(load.worst * 1000, 1),
        "switch_seconds_median": round(sorted(seconds)[len(seconds) // 2], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second (default: %(default)s)")
    parser.add_argument("--switches", type=int, default=10, help="default: %(default)s")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="switch-") as folder:
        found = asyncio.run(measure(Path(folder), rate=given.rate, switches=given.switches))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
