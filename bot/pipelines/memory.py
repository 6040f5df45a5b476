"""What a supervisor must know after a crash: the releases that served last, and where their server ran."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from bot.pipelines import release
from bot.pipelines.files import sha256_of
from bot.pipelines.release import Release, Unsound
from bot.pipelines.server import group_alive
from bot.pipelines.store import write_atomically

_REMEMBERED = 2


class Memory:
    """The file `served.json` of a state folder."""

    def __init__(self, state: Path) -> None:
        self._path = state / "served.json"

    def remember(self, served: Release, groups: Sequence[int]) -> None:
        """Write down what serves and the process groups in use; raises OSError, the file then being as it was."""
        newest = (served.path, sha256_of(served.path / "release.json"))
        older = [entry for entry in self.served() if entry[0] != served.path]
        entries = [{"release": str(path), "sha256": seal} for path, seal in [newest, *older][:_REMEMBERED]]
        write_atomically(self._path, {"served": entries, "groups": list(groups)})

    def served(self) -> list[tuple[Path, str]]:
        """The releases that served last, the newest first, each with the sha256 of its release.json."""
        try:
            entries = json.loads(self._path.read_text())["served"]
            return [(Path(entry["release"]), str(entry["sha256"])) for entry in entries]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def await_end(self, patience: float) -> None:
        """Wait for the servers of a supervisor that was killed: told to end, they keep the port until they have."""
        try:
            groups = [int(group) for group in json.loads(self._path.read_text())["groups"]]
        except (OSError, ValueError, KeyError, TypeError):
            return
        until = time.monotonic() + patience
        while any(group_alive(group) for group in groups) and time.monotonic() < until:
            time.sleep(0.05)


def inspect_served(path: Path, seal: str) -> Release:
    """The release at a path when it is the one that served; raises Unsound or OSError."""
    if sha256_of(path / "release.json") != seal:
        raise Unsound(f"release.json of {path.name} is not the one that was deployed; deploy again.")
    return release.inspect(path)
