"""The one repository that a machine serves is chosen once, whoever asks at the same moment and whatever breaks off."""

import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bot.core.events import Repository
from bot.pipelines.claim import Claim

ASK = """
import sys
from pathlib import Path
from bot.core.events import Repository
from bot.pipelines.claim import Claim
Claim(Path(sys.argv[1])).holder(Repository(1, "ada/digits", 7))
"""


def without_room() -> None:
    """No file may grow: what a full disk does to a write."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def test_many_ask_at_once_and_one_is_served(tmp_path: Path) -> None:
    repositories = [Repository(number, f"ada/{number}", 7) for number in range(1, 33)]
    with ThreadPoolExecutor(len(repositories)) as people:
        served = set(people.map(Claim(tmp_path / "claim").holder, repositories))
    assert len(served) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["claim"]


def test_a_claim_that_could_not_be_written_is_made_by_the_next_who_asks(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ASK, str(tmp_path / "claim")]
    failed = subprocess.run(command, preexec_fn=without_room, capture_output=True, check=False, timeout=60)
    assert failed.returncode != 0
    assert Claim(tmp_path / "claim").holder(Repository(2, "ada/second try", 7)) == ("2", "ada/second try")
