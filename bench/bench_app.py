"""The app against its peers and against its own server's hello-world, in one run on this machine.

Run `python -m bench.bench_app [--model DIR] [--servers] [--only NAME…] [--report docs/benchmarks]`; the last
line printed is JSON. Environments are made below --folder (default: a temporary one) and used again when it is kept.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from bench import bench_switch, plots, subjects
from bench.loads import Measured, Running, Subject, cpu_seconds, free_port, middle, running
from bench.subjects import CHECKOUT, Room

CONCURRENCIES = (1, 16, 64)
ROUNDS = 3


def measure_peers(room: Room, seconds: float, only: Sequence[str]) -> dict[str, list[Measured] | str]:
    """Each peer at each concurrency, or the reason why it was not measured."""
    found: dict[str, list[Measured] | str] = {}
    for name, subject in subjects.peers(room).items():
        if not only or name in only:
            found[name] = subject if isinstance(subject, str) else _alone(subject, room, seconds)
            print(_row(name, found[name]), flush=True)
    return found


def measure_servers(room: Room, seconds: float, only: Sequence[str]) -> dict[str, list[Measured] | str]:
    """The Flask app and a hello-world on each server, at the middle concurrency."""
    found: dict[str, list[Measured] | str] = {}
    for name, subject in subjects.servers(room).items():
        if not only or name in only:
            found[name] = subject if isinstance(subject, str) else _alone(subject, room, seconds, (16,))
            print(_row(name, found[name]), flush=True)
    return found


def _alone(
    subject: Subject, room: Room, seconds: float, concurrencies: Sequence[int] = CONCURRENCIES
) -> list[Measured] | str:
    try:
        with running(subject, room.folder) as started:
            started.load(room.folder, 4, 1.0)  # warms up
            return [started.load(room.folder, concurrency, seconds) for concurrency in concurrencies]
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        return str(error)


def measure_app(room: Room, seconds: float) -> dict[str, list[Measured]]:
    """The app and the two hello-worlds in turns, so that whatever else runs here slows all of them."""
    with contextlib.ExitStack() as stack:
        started = [stack.enter_context(running(subject, room.folder)) for subject in subjects.app(room)]
        for one in started:
            one.load(room.folder, 4, 1.0)
            one.results.clear()
        for concurrency in CONCURRENCIES:
            for _ in range(ROUNDS):
                for one in started:
                    one.load(room.folder, concurrency, seconds)
        found = {one.subject.name: _middles(one) for one in started}
    for name, results in found.items():
        print(_row(name, results), flush=True)
    return found


def _middles(started: Running) -> list[Measured]:
    """One result for each concurrency: the median of its rounds, figure by figure."""
    found = []
    for concurrency in CONCURRENCIES:
        rounds = [asdict(result) for result in started.results if result.concurrency == concurrency]
        figures = {key: middle([result[key] for result in rounds]) for key in rounds[0] if key != "failed"}
        found.append(Measured(**{**figures, "failed": sum(result["failed"] for result in rounds)}))
    return found


def start_seconds(room: Room, times: int = 7) -> tuple[float, float]:
    """From the start to the answer to the first prediction, on the clock and of CPU: the least of some starts."""
    subject = subjects.app(room)[0]
    taken, spent = [], []
    for _ in range(times):
        begun = time.monotonic()
        with _polled(subject, room) as started:
            taken.append(time.monotonic() - begun)
            spent.append(cpu_seconds(started.process.pid))
    return min(taken), min(spent)


@contextlib.contextmanager
def _polled(subject: Subject, room: Room) -> Iterator[Running]:
    """As `running`, but asked every 5 ms."""
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in subject.command]
    log = (room.folder / "start.log").open("wb")
    with log, subprocess.Popen(command, env=dict(subject.environ), cwd=room.folder, stdout=log, stderr=log) as process:
        started = Running(subject, process, port)
        while True:
            with contextlib.suppress(OSError):
                started.ask()
                break
            time.sleep(0.005)
        try:
            yield started
        finally:
            process.kill()


def installed_mb(room: Room) -> float:
    """MB of the serving environment, without the interpreter and compiled bytecode."""
    root = room.install("serving", subjects.serving_requirements()).parent / "lib"
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files) / 1e6


def _row(name: str, results: list[Measured] | str) -> str:
    if isinstance(results, str):
        return f"{name}: not measured: {results}"
    cells = [
        f"c{one.concurrency}: {one.per_second:.0f}/s, p50 {one.p50_ms:.2f} ms, p99 {one.p99_ms:.2f} ms, "
        f"{one.cpu_us:.0f} µs CPU, {one.pss_mb:.0f} MB, {one.failed} failed"
        for one in results
    ]
    return f"{name}: " + " | ".join(cells)


def summary(
    app: dict[str, list[Measured]], peers: dict[str, list[Measured] | str], room: Room, switching: dict[str, object]
) -> dict[str, object]:
    """The figures of the last line; null for what was not measured."""
    ours, started = app["bolide"][1], start_seconds(room)

    def ratio(name: str) -> float | None:
        results = peers.get(name)
        return round(results[1].cpu_us / ours.cpu_us, 2) if isinstance(results, list) else None

    return {
        "cpu_us": round(ours.cpu_us, 1),
        "cpu_ratio_naive": ratio("naive"),
        "cpu_ratio_mlserver": ratio("mlserver"),
        "cpu_ratio_bentoml": ratio("bentoml"),
        "share_of_hello_world": round(ours.per_second / app["hello-flask"][1].per_second, 3),
        "share_of_bare_hello_world": round(ours.per_second / app["hello-bare"][1].per_second, 3),
        "start_to_first_prediction_seconds": round(started[0], 3),
        "start_cpu_seconds": round(started[1], 3),
        "pss_mb_per_worker": round(ours.pss_mb, 1),
        "installed_mb": round(installed_mb(room), 1),
        "failed_requests": switching.get("failed_requests"),
        "switching": switching,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=CHECKOUT / "model", help="a model directory of the training")
    parser.add_argument("--folder", type=Path, help="where the environments are made, to be used again")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load (default: %(default)s)")
    parser.add_argument("--servers", action="store_true", help="compare servers too")
    parser.add_argument("--no-switches", action="store_true", help="leave the switches under load out")
    parser.add_argument("--only", nargs="*", default=[], help="these peers and servers only")
    parser.add_argument("--report", type=Path, help="the folder to write app.md, app.json and app.svg to")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-app-") as made:
        folder = given.folder.absolute() if given.folder else Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        room = Room.of(folder, _model(given.model.absolute(), folder))
        load = os.getloadavg()[0]
        app = measure_app(room, given.seconds)
        peers = measure_peers(room, given.seconds, given.only)
        servers = measure_servers(room, given.seconds, given.only) if given.servers else {}
        switching = {} if given.no_switches else asyncio.run(bench_switch.measure(folder, room))
        last = summary(app, peers, room, switching)
    if given.report:
        machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f} before the run"
        plots.write_report(given.report, machine, {**app, **peers}, servers, last)
    print(json.dumps(last))


def _model(given: Path, folder: Path) -> Path:
    """The model directory that was given, or a quick training's."""
    if (given / "card.json").exists():
        return given
    made = folder / "model"
    if not (made / "card.json").exists():
        environ = os.environ | {"MODEL_DIR": str(made), "QUICK": "1"}
        for stage in ("train", "evaluate"):
            subprocess.run([sys.executable, "-m", f"training.{stage}"], cwd=CHECKOUT, env=environ, check=True)
    return made


if __name__ == "__main__":
    main()
