"""A stage as a command line: no argument but --help, its settings from the environment."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from training.config import StageSettings
from training.errors import exit_status

VARIABLES = {
    "MODEL_DIR": "the model directory; must be set",
    "DATA_DIR": "where the four MNIST files are; default training/data",
    "TRAINING": "quick, standard (the default) or full",
    "QUICK": "1: the short training, whatever TRAINING says",
    "TENSORBOARD_DIR": "where to write TensorBoard's logs; default none",
    "SIGNING_KEY_FILE": "an ECDSA P-256 key in PEM form that signs the model; default none",
    "COMMIT": "the git commit that the card names; default none",
    "PRODUCTION_DIR": "the model directory in production; default none",
    "VERIFYING_KEY_FILE": "the public half of the key that the model must be signed with; default none",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What --help says of a stage: its name, what it does, and the variables that it reads."""

    name: str
    about: str
    reads: tuple[str, ...]


def run_stage(stage: Stage, run: Callable[[StageSettings], None], arguments: Sequence[str]) -> int:
    """The exit status of a stage; raises SystemExit after --help, and for any other argument."""
    width = max(map(len, stage.reads))
    told = "\n".join(f"  {name:{width}}  {VARIABLES[name]}" for name in stage.reads)
    parser = argparse.ArgumentParser(
        prog=f"python -m training.{stage.name}",
        description=stage.about,
        epilog=f"variables of the environment:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    return exit_status(lambda: run(StageSettings.from_env(os.environ)))
