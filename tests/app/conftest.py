import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from app.settings import Settings
from tests.training.workshop import dismantle, trained


@pytest.fixture(scope="session")
def model_dir() -> Iterator[Path]:
    """A model directory that the training wrote; read, never write."""
    yield trained().model
    dismantle()


@pytest.fixture
def spoilt(model_dir: Path, tmp_path: Path) -> Path:
    """A copy of the model directory, to spoil."""
    return Path(shutil.copytree(model_dir, tmp_path / "model"))


@pytest.fixture(scope="session")
def client(model_dir: Path) -> FlaskClient:
    return create_app(Settings(model_dir, commit="c0ffee", lock_sha256="10c4")).test_client()
