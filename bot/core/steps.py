"""The stages as data: what each runs, reads, writes and follows. Every runner is given this and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from bot.core.errors import Refused
from bot.core.recipe import Recipe, TrainingRecipe
from bot.core.stages import StageName

FORMAT = 1
Folder = Literal["DATA_DIR", "MODEL_DIR", "PRODUCTION_DIR"]
"""A folder by the variable that names it to a command."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage; Bolide itself does those without a command, since they need its keys."""

    name: StageName
    command: tuple[str, ...]
    categories: tuple[str, ...]
    """The Pipfile categories that its environment installs."""
    inputs: tuple[str, ...]
    """The paths of the tree that it finds; none: all."""
    reads: tuple[Folder, ...]
    writes: tuple[Folder, ...]
    after: tuple[StageName, ...]


def steps(recipe: Recipe) -> tuple[Step, ...]:
    """What there is to do for a repository, in order."""
    made = [*training_steps(recipe.training)] if recipe.training else []
    last = made[-1].name if made else None
    if service := recipe.service:
        model: tuple[Folder, ...] = ("MODEL_DIR",) if made else ()
        after: tuple[StageName, ...] = (last,) if last else ()
        made.append(Step("package", (), service.categories, service.inputs, model, (), after))
        made.append(Step("deploy", (), (), (), (), (), ("package",)))
        made.append(Step("verify", (), (), (), model, (), ("deploy",)))
    return tuple(made)


def training_steps(recipe: TrainingRecipe) -> tuple[Step, ...]:
    """The stages that make a model, without those that the recipe has no command for."""
    told: tuple[tuple[StageName, tuple[str, ...], tuple[Folder, ...], tuple[Folder, ...]], ...] = (
        ("train", recipe.train, ("DATA_DIR",), ("MODEL_DIR",)),
        ("evaluate", recipe.evaluate, ("DATA_DIR", "MODEL_DIR"), ("MODEL_DIR",)),
        ("gate", recipe.gate, ("DATA_DIR", "MODEL_DIR", "PRODUCTION_DIR"), ()),
    )
    made: list[Step] = []
    for name, command, reads, writes in told:
        if command:
            after = (made[-1].name,) if made else ()
            made.append(Step(name, command, recipe.categories, recipe.inputs, reads, writes, after))
    return tuple(made)


def render(recipe: Recipe) -> str:
    """The stages as a JSON document, for runners that are other programs; see docs/formats.md."""
    document = {"format": FORMAT, "stages": [asdict(step) for step in steps(recipe)]}
    return json.dumps(document, indent=2) + "\n"


def require_plain(words: Mapping[str, str] | tuple[str, ...]) -> None:
    """Raise Refused for a word that a cluster would put something else in the place of."""
    for word in (*words, *words.values()) if isinstance(words, Mapping) else words:
        if "$(" in word:
            raise Refused(f"{word[:80]!r} holds `$(`, which a cluster replaces; take it out of the stage's command.")
