import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.workshop import Workshop, dismantle, trained


@pytest.fixture(scope="session")
def workshop() -> Iterator[Workshop]:
    yield trained()
    dismantle()


@pytest.fixture
def candidate(workshop: Workshop, tmp_path: Path) -> Path:
    """A copy of the trained model directory, to spoil."""
    return Path(shutil.copytree(workshop.model, tmp_path / "candidate"))
