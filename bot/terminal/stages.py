"""`python -m bot stages`: the stages of a folder's configuration, for people and for runners other than Bolide."""

import hashlib
import sys
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path

from bot.core import elyra, repoconfig, steps, tekton
from bot.core.errors import Refused
from bot.core.recipe import Recipe
from bot.pipelines.pipelinerun import SCRIPT, run_name

TEKTON = "manifests/pipeline/tekton"
NOWHERE = "registry.example.org/bolide/training@sha256:" + "0" * 64
"""The image of the steps until somebody has built one."""
HEAD = "# Made by `python -m bot stages --write` from .github/bolide.yaml: change that instead.\n"


def main(given: Namespace) -> int:
    """Print the stages or a run of them, or renew what is made from them; exit status 1 where they cannot be used."""
    try:
        recipe = repoconfig.parse(_text(given.path / repoconfig.PATH)).recipe
        if given.run:
            sys.stdout.write(_run(given, recipe))
        elif given.write:
            for name, text in rendered(recipe).items():
                (given.path / name).parent.mkdir(parents=True, exist_ok=True)
                (given.path / name).write_text(text)
                print(name)
        else:
            sys.stdout.write(steps.render(recipe))
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


def rendered(recipe: Recipe) -> Mapping[str, str]:
    """Path → text of each file that is made from the stages. Raises Refused."""
    if recipe.training is None:
        raise Refused(f"{repoconfig.PATH} has no `training`, so there is nothing for another runner.")
    tasks = tekton.tasks(recipe.training, SCRIPT.read_text())
    return {
        "training/stages.json": steps.render(recipe),
        "training/mnist.pipeline": elyra.render(recipe.training, "training", NOWHERE),
        f"{TEKTON}/tasks.yaml": HEAD + tekton.render(tasks),
        f"{TEKTON}/pipeline.yaml": HEAD + tekton.render([tekton.pipeline(recipe.training)]),
    }


def _run(given: Namespace, recipe: Recipe) -> str:
    if recipe.training is None or not (given.source and given.image):
        raise Refused("A run needs a configuration with `training`, and --source and --image.")
    lock = _text(given.path / "Pipfile.lock")
    parameters = {
        "commit": given.run,
        "source-url": given.source,
        "image": given.image,
        "lock-sha256": hashlib.sha256(lock.encode()).hexdigest(),
        "model-url": given.model,
    }
    name = run_name(given.path.resolve().name, given.run, hashlib.sha256(given.source.encode()).hexdigest())
    return tekton.render([tekton.pipeline_run(tekton.Order(name, parameters))])


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as problem:
        raise Refused(f"There is no {path}; give the folder of a project that has one.") from problem
    except (OSError, UnicodeError) as problem:
        raise Refused(f"{path} cannot be read: {problem}.") from problem
