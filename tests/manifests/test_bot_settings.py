"""Each of Bolide's pods, with what its manifest gives it, has settings that it can start with."""

from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from bot.variables import SETTINGS
from tests.manifests.test_manifests import OVERLAYS, pods, rendered
from tests.sandbox.harness import key_pair

SECRETS = {
    "bolide": {"private-key.pem": key_pair()[0], "webhook-secret": "a secret for this test"},
    "bolide-database": {"url": "postgresql://bolide@database.example.org/bolide"},
    "bolide-bucket": {
        "endpoint-url": "https://s3.example.org",
        "name": "models",
        "access-key-id": "bolide",
        "secret-access-key": "another secret for this test",
    },
}
OF_THE_SITE = {"GITHUB_APP_ID": "1", "BOLIDE_STAGES_IMAGE": f"registry.example.org/python@sha256:{'a' * 64}"}
CLUSTER = {"token": "a token", "ca.crt": "an authority"}
ELSEWHERE = {"HOME"}
"""Variables of the system, which are no settings."""


def settled(overlay: str, pod: dict[str, Any], root: Path) -> Settings:
    """The settings in a pod; what is mounted stands below `root`, with the names that the manifest gives."""
    (container,) = pod["containers"]
    (config,) = [document["data"] for document in rendered(overlay) if document["kind"] == "ConfigMap"]
    told = dict(config)
    for entry in container.get("env", ()):
        reference = entry.get("valueFrom", {}).get("secretKeyRef")
        told[entry["name"]] = SECRETS[reference["name"]][reference["key"]] if reference else entry["value"]
    assert told.keys() - ELSEWHERE <= {setting.name for setting in SETTINGS}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        folder = root / mount["mountPath"].lstrip("/")
        for name, content in given(volumes.get(mount["name"], {})).items():
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
    here = {name: f"{root}{value}" if value.startswith("/secrets/") else value for name, value in told.items()}
    return Settings.from_env(here | OF_THE_SITE)


def given(volume: dict[str, Any]) -> dict[str, str]:
    """The files of a volume by name."""
    if secret := volume.get("secret"):
        whole = SECRETS[secret["secretName"]]
        items = secret.get("items", [{"key": key, "path": key} for key in whole])
        return {item["path"]: whole[item["key"]] for item in items}
    if sources := volume.get("projected", {}).get("sources"):
        made = [source["serviceAccountToken"]["path"] for source in sources if "serviceAccountToken" in source]
        made += [item["path"] for source in sources for item in source.get("configMap", {}).get("items", ())]
        return {name: CLUSTER[name] for name in made}
    return {}


@pytest.mark.parametrize("overlay", [overlay for overlay in OVERLAYS if overlay.startswith("bot/")])
def test_each_pod_can_start(overlay: str, tmp_path: Path) -> None:
    for workload, template in pods(overlay):
        name = workload["metadata"]["name"]
        settings = settled(overlay, template["spec"], tmp_path / name)
        assert bool(settings.database_url.reveal()) == ("many-machines" in overlay)
        works = name != "bolide-web"
        assert (settings.tekton is not None) == (works and overlay.endswith("-tekton"))
        if settings.tekton:
            assert settings.tekton.token_file.read_text() == CLUSTER["token"]
            assert settings.bucket
            # Locks are tried out elsewhere, with just this program: what lies in this pod is in nobody's reach.
            assert settings.tekton.evidence_image == template["spec"]["containers"][0]["image"]
        assert settings.required_isolation == "pod"


def test_the_role_for_runs_is_for_the_account_of_those_pods() -> None:
    (subject,) = [
        subject
        for document in rendered("pipeline/tekton")
        if document["kind"] == "RoleBinding"
        for subject in document["subjects"]
    ]
    for overlay in ("bot/overlays/one-machine-tekton", "bot/overlays/many-machines-tekton"):
        for workload, template in pods(overlay):
            account = {"name": template["spec"]["serviceAccountName"], "namespace": workload["metadata"]["namespace"]}
            assert subject == {"kind": "ServiceAccount", **account}
