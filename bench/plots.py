"""The report of a run: a table in Markdown, the figures as JSON, and bars of CPU and memory."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import matplotlib as mpl

from bench.loads import Measured

mpl.use("svg")
from matplotlib import pyplot as plt

Results = Mapping[str, list[Measured] | str]
COLUMNS = ("", "concurrency", "requests/s", "p50 ms", "p99 ms", "CPU µs a request", "PSS MB", "failed")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def write_report(folder: Path, machine: str, subjects: Results, servers: Results, last: Mapping[str, object]) -> None:
    """Write app.md, app.json and app.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [f"# The app and its peers\n\nWritten by `make bench-app` on a machine with {machine}.\n"]
    parts.append(f"{HEAD}\n{_rows(subjects)}\n\n![CPU and memory](app.svg)\n")
    if servers:
        parts.append(f"## The same Flask app, and a hello-world, on other servers\n\n{HEAD}\n{_rows(servers)}\n")
    parts.append(f"```json\n{json.dumps(last, indent=1)}\n```\n")
    (folder / "app.md").write_text("\n".join(parts))
    plain = {name: _plain(results) for name, results in {**subjects, **servers}.items()}
    (folder / "app.json").write_text(json.dumps({"machine": machine, "results": plain, "last": last}, indent=1) + "\n")
    _bars(folder / "app.svg", subjects)


def _rows(results: Results) -> str:
    lines = []
    for name, found in results.items():
        if isinstance(found, str):
            lines.append(f"| {name} | | not measured: {found} | | | | | |")
            continue
        lines += [
            f"| {name} | {one.concurrency} | {one.per_second:,.0f} | {one.p50_ms:.2f} | {one.p99_ms:.2f} "
            f"| {one.cpu_us:,.0f} | {one.pss_mb:.0f} | {one.failed} |"
            for one in found
        ]
    return "\n".join(lines)


def _plain(results: list[Measured] | str) -> object:
    return results if isinstance(results, str) else [asdict(one) for one in results]


def _bars(path: Path, subjects: Results) -> None:
    found = {name: results[1] for name, results in subjects.items() if isinstance(results, list) and len(results) > 1}
    names = sorted(found, key=lambda name: found[name].cpu_us)
    mpl.rcParams["svg.hashsalt"] = "bolide"  # the same figures make the same file
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 0.5 * len(names) + 1.2), layout="constrained")
    colours = ["#b4500b" if name == "bolide" else "#9aa0b0" for name in names]
    for axes, label, values, form in (
        (left, "CPU µs a request, 16 callers (logarithmic)", [found[name].cpu_us for name in names], "%.0f"),
        (right, "memory, MB (PSS)", [found[name].pss_mb for name in names], "%.0f"),
    ):
        bars = axes.barh(names, values, color=colours)
        axes.bar_label(bars, fmt=form, padding=3)
        axes.invert_yaxis()
        axes.set_xlabel(label)
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_xscale("log")
    right.tick_params(labelleft=False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
