"""`python -m training.pipeline`: the stages of stages.json as a Kubeflow pipeline, compiled or run on this machine.

It runs in an environment of its own (`make kubeflow`): Kubeflow's packages are not those of the training.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kfp import compiler, dsl, local

STAGES = Path(__file__).with_name("stages.json")
NOWHERE = "registry.example.org/bolide/training@sha256:" + "0" * 64
"""The image until somebody has built one: it needs the source, the training's packages, and `kfp`."""


def make_model(command: list, commit: str, configuration: str, python: str, source: str, model: dsl.Output[dsl.Model]):  # type: ignore[no-untyped-def,type-arg]
    """Run the stage that writes a model directory."""
    import os
    import subprocess
    from pathlib import Path

    Path(model.path).mkdir(parents=True, exist_ok=True)
    words = [python if command[0] in ("python", "python3") else command[0], *command[1:]]
    told = {"MODEL_DIR": str(Path(model.path).resolve()), "COMMIT": commit, "TRAINING": configuration}
    subprocess.run(words, cwd=source, env={**os.environ, **told}, check=True)


def judge_model(  # type: ignore[no-untyped-def]
    command: list,  # type: ignore[type-arg]
    commit: str,
    configuration: str,
    python: str,
    source: str,
    before: dsl.Input[dsl.Model],
    model: dsl.Output[dsl.Model],
):
    """Run a stage on a copy of the model directory, which is passed on if the stage does not fail."""
    import os
    import shutil
    import subprocess
    from pathlib import Path

    shutil.copytree(before.path, model.path, dirs_exist_ok=True)
    words = [python if command[0] in ("python", "python3") else command[0], *command[1:]]
    told = {"MODEL_DIR": str(Path(model.path).resolve()), "COMMIT": commit, "TRAINING": configuration}
    subprocess.run(words, cwd=source, env={**os.environ, **told}, check=True)


def build(stages: Path, image: str) -> Any:
    """The pipeline of the stages that have a command; each step's image is named by digest."""
    told = [stage for stage in json.loads(stages.read_text())["stages"] if stage["command"]]
    make = dsl.component(make_model, base_image=image, install_kfp_package=False)
    judge = dsl.component(judge_model, base_image=image, install_kfp_package=False)

    def bolide_model(
        commit: str, configuration: str = "standard", python: str = "python3", source: str = "/opt/bolide/source"
    ) -> None:
        done: dict[str, Any] = {}
        for stage in told:
            given = {"commit": commit, "configuration": configuration, "python": python, "source": source}
            if stage["after"]:
                before = done[stage["after"][0]].outputs["model"]
                task = judge(command=stage["command"], before=before, **given)
            else:
                task = make(command=stage["command"], **given)
            done[stage["name"]] = task.set_display_name(stage["name"]).set_caching_options(enable_caching=False)

    return dsl.pipeline(bolide_model, name="bolide-model", description="Trains, measures and judges the model")


def main(argv: Sequence[str]) -> int:
    """Compile the pipeline, or run it here; exit status 0, or an error of Kubeflow's."""
    parser = argparse.ArgumentParser(prog="python -m training.pipeline", description="The training for Kubeflow.")
    parser.add_argument("--stages", type=Path, default=STAGES, help="what there is to run (default: %(default)s)")
    actions = parser.add_subparsers(dest="action", required=True)
    compiling = actions.add_parser("compile", help="write the pipeline as YAML")
    compiling.add_argument("file", type=Path)
    compiling.add_argument("--image", default=NOWHERE, help="the image of the steps, by digest")
    running = actions.add_parser("run", help="run it in processes of this machine")
    running.add_argument("folder", type=Path, help="where the models go")
    running.add_argument("--commit", default="0" * 40)
    running.add_argument("--configuration", default="quick", help="quick, standard or full (default: %(default)s)")
    running.add_argument("--python", default="python3", help="the Python with the training's packages")
    running.add_argument("--source", type=Path, default=STAGES.parents[1], help="the checkout (default: this one)")
    given = parser.parse_args(argv)
    if given.action == "compile":
        given.file.parent.mkdir(parents=True, exist_ok=True)
        compiler.Compiler().compile(build(given.stages, given.image), str(given.file))
        return 0
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(given.folder.resolve()))
    build(given.stages, NOWHERE)(
        commit=given.commit, configuration=given.configuration, python=given.python, source=str(given.source.resolve())
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
