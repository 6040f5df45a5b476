"""The settings of a cluster that makes the models; read by bot.settings."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

RUNNERS = ("local", "tekton")


@dataclass(frozen=True, slots=True)
class TektonSettings:
    """Where PipelineRuns are created, and the image that their steps run in; empty: that of the training."""

    url: str
    namespace: str
    token_file: Path
    ca_file: Path | None
    image: str


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
    )
    wrong = []
    if not found.url.startswith("https://"):
        wrong.append("BOLIDE_KUBERNETES_URL is no https URL; the token goes there.")
    if not has_bucket:
        wrong.append("BOLIDE_RUNNER=tekton needs the bucket (OBJECT_STORAGE_…): models come back through it.")
    if found.ca_file and not found.ca_file.is_file():
        wrong.append(f"BOLIDE_KUBERNETES_CA_FILE names {found.ca_file}, which is not there; or set it to `system`.")
    try:
        if not image("BOLIDE_STAGES_IMAGE") and not text("BOLIDE_BASE_IMAGE"):
            wrong.append(
                "BOLIDE_STAGES_IMAGE is not set; name an image with Python and pip by digest, "
                "or set BOLIDE_BASE_IMAGE for those that `training.image` names."
            )
    except ValueError as problem:
        wrong.append(f"BOLIDE_STAGES_IMAGE {problem}.")
    return found, tuple(wrong)
