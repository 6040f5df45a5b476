"""Custom resources, held to the schemas of their makers: Argo CD's through the validators of a published package."""

import json
import subprocess
from typing import Any

import pytest

from tests.manifests.test_manifests import OVERLAYS, rendered
from tests.npm import installed

VALIDATE = """
const models = require("@kubernetes-models/argo-cd/argoproj.io/v1alpha1");
const told = JSON.parse(require("fs").readFileSync(0, "utf8")).map((document) => {
  try {
    new models[document.kind](document).validate();
    return null;
  } catch (problem) {
    return String(problem.message);
  }
});
console.log(JSON.stringify(told));
"""


def judged(documents: list[dict[str, Any]]) -> list[str | None]:
    folder = installed("@kubernetes-models/argo-cd", "2.7.2")
    done = subprocess.run(
        ["node", "-e", VALIDATE], input=json.dumps(documents), cwd=folder, capture_output=True, text=True, check=True
    )
    found: list[str | None] = json.loads(done.stdout)
    return found


def test_argo_cd_would_take_its_resources() -> None:
    documents = [
        document for overlay in OVERLAYS for document in rendered(overlay) if "argoproj.io" in document["apiVersion"]
    ]
    assert documents
    assert judged(documents) == [None] * len(documents)


def test_what_argo_cd_would_refuse_is_noticed() -> None:
    application = next(d for d in rendered("argocd/overlays/prod") if d["kind"] == "Application")
    wrong = {**application, "spec": {**application["spec"], "source": {"path": 1}}}
    (told,) = judged([wrong])
    assert told


@pytest.mark.parametrize("kind", ["Route", "ImageStream"])
def test_openshifts_resources_have_the_fields_that_their_reference_names(kind: str) -> None:
    (found,) = [document for document in rendered("app/overlays/openshift") if document["kind"] == kind]
    known = {
        "Route": {
            "host",
            "path",
            "to",
            "alternateBackends",
            "port",
            "tls",
            "wildcardPolicy",
            "subdomain",
            "httpHeaders",
        },
        "ImageStream": {"lookupPolicy", "dockerImageRepository", "tags"},
    }
    assert found["spec"].keys() <= known[kind]
    group = {"Route": "route.openshift.io/v1", "ImageStream": "image.openshift.io/v1"}
    assert found["apiVersion"] == group[kind]
