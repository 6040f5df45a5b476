"""The settings of a cluster that makes the models; read by bot.settings."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

RUNNERS = ("local", "tekton")


@dataclass(frozen=True, slots=True)
class TektonSettings:
    """Where PipelineRuns are created, and the image that their steps run in; empty: that of the training.

    `evidence_image` is Bolide's own, in which locks are tried out there; empty: they are tried out here.
    """

    url: str
    namespace: str
    token_file: Path
    ca_file: Path | None
    image: str
    evidence_image: str = ""


def read_runner(
    text: Callable[[str], str], image: Callable[[str], str], *, has_bucket: bool
) -> tuple[TektonSettings | None, tuple[str, ...]]:
    """What `text` gives by name, None for this machine; and what is wrong with it, a sentence each."""
    match text("BOLIDE_RUNNER"):
        case "local":
            return None, ()
        case "tekton":
            pass
        case other:
            return None, (f"BOLIDE_RUNNER is {other!r}; set it to one of {', '.join(RUNNERS)}.",)
    found = TektonSettings(
        text("BOLIDE_KUBERNETES_URL").rstrip("/"),
        text("BOLIDE_KUBERNETES_NAMESPACE"),
        Path(text("BOLIDE_KUBERNETES_TOKEN_FILE")),
        Path(text("BOLIDE_KUBERNETES_CA_FILE")) if text("BOLIDE_KUBERNETES_CA_FILE") != "system" else None,
        text("BOLIDE_STAGES_IMAGE"),
        text("BOLIDE_EVIDENCE_IMAGE"),
    )
    return found, (*_wrong(found, text, has_bucket=has_bucket), *_wrong_images(text, image))


def _wrong(found: TektonSettings, text: Callable[[str], str], *, has_bucket: bool) -> Iterator[str]:
    if not found.url.startswith("https://"):
        yield "BOLIDE_KUBERNETES_URL is no https URL; the token goes there."
    if not has_bucket:
        yield "BOLIDE_RUNNER=tekton needs the bucket (OBJECT_STORAGE_…): models come back through it."
    if found.ca_file and not found.ca_file.is_file():
        yield f"BOLIDE_KUBERNETES_CA_FILE names {found.ca_file}, which is not there; or set it to `system`."
    if found.evidence_image and text("BOLIDE_REQUIRED_ISOLATION") == "bubblewrap":
        yield (
            "BOLIDE_REQUIRED_ISOLATION is bubblewrap and BOLIDE_EVIDENCE_IMAGE is set, but a pod has a network; "
            "require `pod`, or take the image out."
        )


def _wrong_images(text: Callable[[str], str], image: Callable[[str], str]) -> Iterator[str]:
    try:
        image("BOLIDE_EVIDENCE_IMAGE")
    except ValueError as problem:
        yield f"BOLIDE_EVIDENCE_IMAGE {problem}."
    try:
        if not image("BOLIDE_STAGES_IMAGE") and not text("BOLIDE_BASE_IMAGE"):
            yield (
                "BOLIDE_STAGES_IMAGE is not set; name an image with Python and pip by digest, "
                "or set BOLIDE_BASE_IMAGE for those that `training.image` names."
            )
    except ValueError as problem:
        yield f"BOLIDE_STAGES_IMAGE {problem}."
