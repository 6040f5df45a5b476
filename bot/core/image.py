"""Container images as data: what is in one, the file that builds it, and the statement of where it came from."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.errors import Refused
from bot.core.kinds import IMAGE

USER = "10001:10001"
"""Nobody's, so that a container that is broken out of owns nothing."""
ROOT = "/srv"
PORT = 8080
PUBLIC_KEY = "verifying-key.pem"
"""The file with the public half of the key that signs models, in a release and in an image."""
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
IMAGE_BUILD = "https://github.com/bolide/buildtypes/image/v1"
SEALED_BUILD = "https://github.com/bolide/buildtypes/sealed-virtual-environment/v1"

_BASE = re.compile(r"[a-z0-9][\w.:/-]{0,250}@sha256:[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """An image of Python packages and files on a base; `environ` and `labels` are written into its configuration."""

    base: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)
    model: bool = False
    signed: bool = False
    """Whether the service must find the model signed for the key `verifying-key.pem`."""


def require_base(base: str) -> str:
    """The base image; raises Refused where it is not named by its digest: a tag is another image tomorrow."""
    if not _BASE.fullmatch(base):
        raise Refused(f"The base image {base[:80]!r} is not named by its digest; write it as name@sha256:….")
    return base


def require_repository(name: str) -> str:
    """The name under which images are pushed; raises Refused for one with a tag or digest, or that is no name."""
    if not re.fullmatch(IMAGE.pattern, name, re.ASCII):
        raise Refused(f"{name[:80]!r} is no image repository; {IMAGE.remedy}")
    return name


def containerfile(spec: ImageSpec) -> str:
    """What builds the image from a folder with `packages/`, `source/`, maybe a model and the key of its signature.

    It copies, and runs nothing.
    """
    environ = {"PYTHONPATH": f"{ROOT}/packages", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
    environ |= {"PORT": str(PORT), "LANG": "C.UTF-8"} | dict(spec.environ)
    environ |= {"MODEL_DIR": f"{ROOT}/model"} if spec.model else {}
    environ |= {"VERIFYING_KEY_FILE": f"{ROOT}/{PUBLIC_KEY}"} if spec.signed else {}
    # What changes least comes first, so that its layer is shared by many images.
    folders = ["packages", *(["model"] if spec.model else []), *([PUBLIC_KEY] if spec.signed else []), "source"]
    lines = [
        f"FROM {require_base(spec.base)}",
        *(f"COPY --chown=0:0 {folder} {ROOT}/{folder}" for folder in folders),
        *(f"ENV {name}={_quoted(value)}" for name, value in sorted(environ.items())),
        *(f"LABEL {name}={_quoted(value)}" for name, value in sorted(spec.labels.items())),
        f"WORKDIR {ROOT}/source",
        f"USER {USER}",
        f"EXPOSE {PORT}",
        f"ENTRYPOINT {json.dumps(list(spec.command))}",
    ]
    return "\n".join(lines) + "\n"


def training_spec(base: str, requirements_sha256: str, python: str = "python3") -> ImageSpec:
    """The image that stages run in; it tells what its packages are, so that nobody installs them again."""
    return ImageSpec(base, (python,), {"REQUIREMENTS_SHA256": requirements_sha256})


def _quoted(value: str) -> str:
    """A value that the file's own substitutions leave alone."""
    if not value.isprintable():
        raise Refused(f"{value[:80]!r} cannot stand in an image's configuration; take the line breaks out.")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image was made of; every hash is hex, None where there is no such part."""

    repository: str
    commit: str
    lock_sha256: str
    requirements_sha256: str
    source_sha256: str
    data_sha256: str | None
    model_id: str | None
    model_sha256: str | None
    base: str
    """The base image by digest; empty for what is no image."""
    training_image: str | None = None
    """The image of the packages and code that make the model, by digest."""


def provenance(
    name: str, digest: str, origin: Origin, builder: str, built_at: str, build: str = IMAGE_BUILD
) -> dict[str, Any]:
    """The in-toto statement with SLSA's provenance: merge → lock → data → model → image; `digest` is `sha256:…`.

    Formats: in-toto.io/Statement/v1 and slsa.dev/provenance/v1.
    """
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": build,
                "externalParameters": {"repository": origin.repository, "commit": origin.commit},
                "internalParameters": {"requirements_sha256": origin.requirements_sha256},
                "resolvedDependencies": _materials(origin),
            },
            "runDetails": {"builder": {"id": builder}, "metadata": {"startedOn": built_at}},
        },
    }


def _materials(origin: Origin) -> list[dict[str, Any]]:
    base, _, base_digest = origin.base.partition("@sha256:")
    training, _, training_digest = (origin.training_image or "").partition("@sha256:")
    found: list[tuple[str, str, str | None]] = [
        (f"git+https://github.com/{origin.repository}", "gitCommit", origin.commit),
        ("file:Pipfile.lock", "sha256", origin.lock_sha256),
        ("file:source", "sha256", origin.source_sha256),
        ("file:data", "sha256", origin.data_sha256),
        (f"file:model/{origin.model_id}", "sha256", origin.model_sha256),
        (f"pkg:oci/{training}", "sha256", training_digest),
        (f"pkg:oci/{base}", "sha256", base_digest),
    ]
    return [{"uri": uri, "digest": {kind: digest}} for uri, kind, digest in found if digest]
