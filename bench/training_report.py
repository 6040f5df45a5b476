"""The report of the training's benchmark: a table in Markdown, the figures as JSON, and three plots."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

EXAMPLE = "keras-io"
ABOUT = {
    "quick": "one epoch, batches of 64: the evidence of an update",
    "keras-io": "keras.io's example: 15 epochs, batches of 128",
    "standard": "five epochs, moved and turned a little: what a merge trains",
    "full": "16 epochs, moved, turned and stretched",
}
COLOURS = {"quick": "#b4500b", EXAMPLE: "#9aa0b0", "standard": "#2f6fab", "full": "#3c8c4a"}
COLUMNS = ("", "what", "test accuracy, by seed", "median", "fitting, s", "fitting, CPU-s", "machine")


@dataclass(frozen=True, slots=True)
class Fitting:
    """One fitting: accuracy on the test set, what it cost, and the validation accuracy after each epoch; shares 0–1."""

    accuracy: float
    seconds: float
    cpu_seconds: float
    curve: tuple[float, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Fitting":
        """What `asdict` made of one, back from JSON."""
        return cls(**{**told, "curve": tuple(told["curve"])})


@dataclass(frozen=True, slots=True)
class Part:
    """The fittings of one configuration, by seed, and the machine at that time."""

    machine: str
    fittings: tuple[Fitting, ...]


Parts = Mapping[str, Part]


def read(folder: Path) -> dict[str, Part]:
    """The parts of the report that is there, none where there is none."""
    try:
        told = json.loads((folder / "training.json").read_text())["parts"]
    except FileNotFoundError:
        return {}
    return {name: Part(part["machine"], tuple(map(Fitting.of, part["fittings"]))) for name, part in told.items()}


def write(folder: Path, parts: Parts, last: Mapping[str, object]) -> None:
    """Write training.md, training.json and training.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "\n".join(_row(name, part, last) for name, part in parts.items())
    text = [
        "# The training and keras.io's example\n\nWritten by `make bench-training`, each fitting in its own process.\n",
        f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|\n{rows}\n",
        "![Accuracy, CPU and learning curves](training.svg)\n",
        f"```json\n{json.dumps(last, indent=1)}\n```\n",
    ]
    (folder / "training.md").write_text("\n".join(text))
    plain = {name: asdict(part) for name, part in parts.items()}
    (folder / "training.json").write_text(json.dumps({"parts": plain, "last": last}, indent=1) + "\n")
    _plot(folder / "training.svg", parts, last)


def _row(name: str, part: Part, last: Mapping[str, object]) -> str:
    found = " · ".join(f"{100 * one.accuracy:.2f}" for one in part.fittings)
    key = name.replace("-", "_")
    seconds = sorted(one.seconds for one in part.fittings)
    spent = sorted(one.cpu_seconds for one in part.fittings)
    median = 100 * float(str(last[f"{key}_accuracy"]))
    return (
        f"| {name} | {ABOUT[name]} | {found} % | {median:.2f} % "
        f"| {_range(seconds)} | {_range(spent)} | {part.machine} |"
    )


def _range(values: list[float]) -> str:
    low, high = f"{values[0]:.1f}", f"{values[-1]:.1f}"
    return low if low == high else f"{low}–{high}"


def _plot(path: Path, parts: Parts, last: Mapping[str, object]) -> None:
    mpl.rcParams["svg.hashsalt"] = "bolide"  # the same figures make the same file
    figure, (dots, bars, curves) = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
    names = list(parts)
    for place, name in enumerate(names):
        found = [100 * one.accuracy for one in parts[name].fittings]
        dots.plot(found, [place] * len(found), "o", color=COLOURS[name], alpha=0.6)
        dots.plot([100 * float(str(last[f"{name.replace('-', '_')}_accuracy"]))], [place], "|", color="black", ms=18)
        fittings = parts[name].fittings
        longest = max(fittings, key=lambda one: len(one.curve)).curve
        curves.plot(
            range(1, len(longest) + 1), [100 * share for share in longest], "o-", ms=3, color=COLOURS[name], label=name
        )
    dots.set(yticks=range(len(names)), yticklabels=names, xlabel="test accuracy, %; each seed, and the median")
    dots.margins(y=0.15)
    dots.invert_yaxis()
    spent = [float(str(last[f"{name.replace('-', '_')}_cpu_seconds"])) for name in names]
    bars.bar_label(bars.barh(names, spent, color=[COLOURS[name] for name in names]), fmt="%.0f", padding=3)
    bars.set_xlabel("CPU seconds of fitting, median")
    bars.invert_yaxis()
    bars.margins(x=0.15)
    curves.set(xlabel="epoch", ylabel="validation accuracy, % (seed 1)", xlim=(0.5, None))
    curves.xaxis.get_major_locator().set_params(integer=True)
    curves.legend()
    for axes in (dots, bars, curves):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
