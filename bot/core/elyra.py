"""The stages as an Elyra pipeline: generic nodes, each a Python file, which Elyra runs here or hands to a cluster."""

import hashlib
import json
import posixpath
from typing import Any

from bot.core.errors import Refused
from bot.core.recipe import TrainingRecipe
from bot.core.steps import Step, training_steps

VERSION = 8
"""Of Elyra's own part of the document."""
MODEL = "trained"
"""The model directory, beside the pipeline."""


def render(recipe: TrainingRecipe, folder: str, image: str) -> str:
    """The pipeline's JSON for a file in `folder`; raises Refused for a stage that is no Python file of that folder."""
    made = training_steps(recipe)
    nodes = [_node(step, number, folder, image) for number, step in enumerate(made)]
    document = {
        "doc_type": "pipeline",
        "version": "3.0",
        "json_schema": "http://api.dataplatform.ibm.com/schemas/common-pipeline/pipeline-flow/pipeline-flow-v3-schema.json",
        "id": _id("document"),
        "primary_pipeline": _id("pipeline"),
        "pipelines": [
            {
                "id": _id("pipeline"),
                "nodes": nodes,
                "app_data": {
                    "ui_data": {"comments": []},
                    "version": VERSION,
                    "properties": {"name": "model", "runtime": "Generic", "pipeline_defaults": {}},
                },
                "runtime_ref": "",
            }
        ],
        "schemas": [],
    }
    return json.dumps(document, indent=2) + "\n"


def _node(step: Step, number: int, folder: str, image: str) -> dict[str, Any]:
    x, y = 60 + 220 * number, 80
    told = {
        "MODEL_DIR": MODEL,
        # A file is run in its own folder, and imports its package from the one above.
        "PYTHONPATH": "/".join(".." for _ in folder.split("/")),
    }
    links = [
        {"id": _id(f"{name}-{step.name}"), "node_id_ref": _id(name), "port_id_ref": "outPort"} for name in step.after
    ]
    return {
        "id": _id(step.name),
        "type": "execution_node",
        "op": "execute-python-node",
        "app_data": {
            "component_parameters": {
                "filename": _file(step, folder),
                "runtime_image": image,
                "dependencies": ["*"],
                "include_subdirectories": True,
                "env_vars": [{"env_var": name, "value": value} for name, value in told.items()],
                "outputs": [f"{MODEL}/*"] if step.writes else [],
                "cpu": None,
                "gpu": None,
                "memory": None,
            },
            "label": step.name,
            "ui_data": {"label": step.name, "x_pos": x, "y_pos": y, "description": f"The stage {step.name}"},
        },
        "inputs": [_port("inPort", "Input Port") | ({"links": links} if links else {})],
        "outputs": [_port("outPort", "Output Port")],
    }


def _port(name: str, label: str) -> dict[str, Any]:
    return {"id": name, "app_data": {"ui_data": {"cardinality": {"min": 0, "max": -1}, "label": label}}}


def _file(step: Step, folder: str) -> str:
    """The file that the stage's command runs, from the pipeline's folder."""
    match step.command:
        case ("python" | "python3", "-m", module):
            path = module.replace(".", "/") + ".py"
        case ("python" | "python3", file):
            path = file
        case _:
            path = ""
    if posixpath.dirname(path) != folder:
        told = " ".join(step.command)
        raise Refused(f"`training.{step.name}` is `{told}`; Elyra runs one Python file in {folder}, without arguments.")
    return posixpath.basename(path)


def _id(name: str) -> str:
    """A UUID, equal for equal names."""
    digest = hashlib.sha256(f"stages {name}".encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
