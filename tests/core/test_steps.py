"""The stages as data, and what they come to in a cluster."""

from dataclasses import replace

import pytest

from bot.core.errors import Refused
from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe
from bot.core.steps import require_plain, steps, training_steps
from bot.core.tekton import Order, complete_run, pipeline, tasks

TRAINING = TrainingRecipe(("packages",), ("src",), ("python", "train.py"), ("./judge",), ("python", "gate.py"))
SERVICE = ServiceRecipe(wsgi="app:app")


def test_each_stage_follows_the_one_before_that_there_is() -> None:
    def after(recipe: Recipe) -> list[tuple[str, tuple[str, ...]]]:
        return [(step.name, step.after) for step in steps(recipe)]

    served = [("deploy", ("package",)), ("verify", ("deploy",))]
    assert after(Recipe(replace(TRAINING, evaluate=()), SERVICE)) == [
        ("train", ()),
        ("gate", ("train",)),
        ("package", ("gate",)),
        *served,
    ]
    assert after(Recipe(None, SERVICE)) == [("package", ()), *served]
    assert steps(Recipe(None, None)) == ()


def test_only_a_stage_that_makes_or_measures_the_model_may_write_it() -> None:
    assert [(step.name, step.writes) for step in training_steps(TRAINING)] == [
        ("train", ("MODEL_DIR",)),
        ("evaluate", ("MODEL_DIR",)),
        ("gate", ()),
    ]


def test_a_cluster_gets_the_same_commands_and_no_others() -> None:
    found = {task["metadata"]["name"]: task["spec"]["steps"][0] for task in tasks(TRAINING, "script", {"QUICK": "1"})}
    assert list(found) == ["bolide-fetch", "bolide-train", "bolide-evaluate", "bolide-gate", "bolide-keep"]
    assert found["bolide-train"]["command"] == ["python3", "train.py"]
    assert found["bolide-evaluate"]["command"] == ["./judge"]
    assert {"name": "QUICK", "value": "1"} in found["bolide-gate"]["env"]
    assert found["bolide-fetch"]["script"] == "script"


def test_a_pipeline_without_an_evaluation_goes_from_training_to_gate() -> None:
    written = pipeline(replace(TRAINING, evaluate=()))["spec"]["tasks"]
    assert [(task["name"], task.get("runAfter")) for task in written] == [
        ("fetch", None),
        ("train", ["fetch"]),
        ("gate", ["train"]),
        ("keep", ["gate"]),
    ]


@pytest.mark.parametrize("words", [("echo", "$(params.x)"), {"NAME": "$(tasks.x)"}, {"$(x)": "1"}])
def test_what_a_cluster_would_replace_is_refused(words: tuple[str, ...] | dict[str, str]) -> None:
    with pytest.raises(Refused, match="which a cluster replaces"):
        require_plain(words)


def test_a_run_on_an_image_by_tag_is_refused() -> None:
    with pytest.raises(Refused, match="sha256"):
        complete_run(TRAINING, "", Order("x", {"image": "python:3.11"}))
