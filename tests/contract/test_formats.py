"""docs/formats.md with both sides of each format: what the training writes, the app serves and the bot reads."""

import json
from pathlib import Path

import pytest

from app import create_app
from app.settings import Settings
from bot.adapters.findings import read_accuracy
from bot.core import repoconfig
from bot.core.evidence import Accuracy
from bot.pipelines import release
from tests.training.workshop import CHECKOUT, trained

pytestmark = pytest.mark.training


def test_the_bot_reads_the_models_card_golden_digits_and_metrics() -> None:
    model = trained().model
    card = release.read_card(model)
    assert card["model_id"].startswith("tf-")
    assert len(release.read_golden(model)) == 10
    metrics = json.loads((model / "metrics.json").read_text())
    accuracy = read_accuracy(model / "metrics.json")
    assert isinstance(accuracy, Accuracy)
    assert accuracy.accuracy == metrics["accuracy"]
    assert accuracy.examples == metrics["examples"]


def test_the_app_serves_what_the_training_wrote_as_the_bot_asks_for_it() -> None:
    model = trained().model
    recipe = repoconfig.parse((CHECKOUT / repoconfig.PATH).read_text()).recipe.service
    assert recipe is not None
    client = create_app(Settings(model, commit="c0ffee", lock_sha256="10c4")).test_client()
    assert client.get(recipe.ready).json == {"ready": True, "model": release.read_card(model)["model_id"]}
    version = client.get(recipe.version).json
    assert version == {"commit": "c0ffee", "lock": "10c4", "model": release.read_card(model)["model_id"]}
    golden = json.loads((model / "golden.json").read_text())
    answers = [client.post(recipe.predict, json={"inputs": image}).json for image in golden["inputs"]]
    assert [answer["prediction"] for answer in answers if answer] == golden["labels"]


def test_every_stage_command_of_this_repository_is_a_module(tmp_path: Path) -> None:
    training = repoconfig.parse((CHECKOUT / repoconfig.PATH).read_text()).recipe.training
    assert training is not None
    for command in (training.train, training.evaluate, training.gate):
        assert command[:2] == ("python", "-m")
        assert (CHECKOUT / f"{command[2].replace('.', '/')}.py").exists()
