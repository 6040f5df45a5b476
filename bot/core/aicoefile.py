"""AICoE-CI's `.aicoe-ci.yaml` as it is: which images it builds, where it deploys, and what it came to here."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from bot.core import sections, yamltext
from bot.core.kinds import Listed, Plain, Words
from bot.core.recipe import Names
from bot.core.sections import Section
from bot.core.yamltext import Spot

PATH = ".aicoe-ci.yaml"


@dataclass(frozen=True, slots=True)
class Build:
    """How an image is built."""

    HYPHENATED: ClassVar = True
    base_image: Annotated[str, Plain(), ""] = ""
    build_stratergy: Annotated[str, Plain(), ""] = ""  # spelt so by AICoE-CI
    build_strategy: Annotated[str, Plain(), ""] = ""
    build_source_script: Annotated[str, Plain(), ""] = ""
    dockerfile_path: Annotated[str, Plain(), ""] = ""
    context_dir: Annotated[str, Plain(), ""] = ""
    custom_tag: Annotated[str, Plain(), ""] = ""
    registry: Annotated[str, Plain(), ""] = ""
    registry_org: Annotated[str, Plain(), ""] = ""
    registry_project: Annotated[str, Plain(), ""] = ""
    registry_secret: Annotated[str, Plain(), ""] = ""


@dataclass(frozen=True, slots=True)
class Deploy:
    """Where an image's tag is written for Argo CD."""

    HYPHENATED: ClassVar = True
    project_org: Annotated[str, Plain(), ""] = ""
    project_name: Annotated[str, Plain(), ""] = ""
    image_name: Annotated[str, Plain(), ""] = ""
    overlay_contextpath: Annotated[str, Plain(), ""] = ""


@dataclass(frozen=True, slots=True)
class Overlay:
    """One of several images."""

    HYPHENATED: ClassVar = True
    name: Annotated[str, Plain(), ""] = ""
    build: Annotated[Build | None, Section(Build), ""] = None
    deploy: Annotated[Deploy | None, Section(Deploy), ""] = None


@dataclass(frozen=True, slots=True)
class AicoeFile:
    """The keys that AICoE-CI documents."""

    HYPHENATED: ClassVar = True
    check: Annotated[Names, Words(), ""] = ()
    release: Annotated[Names, Words(), ""] = ()
    gather: Annotated[Names, Words(), ""] = ()
    build: Annotated[Build | None, Section(Build), ""] = None
    deploy: Annotated[Deploy | None, Section(Deploy), ""] = None
    overlays: Annotated[tuple[Overlay, ...], Listed(Section(Overlay)), ""] = ()

    def base_images(self) -> Names:
        """The images that others are built on, each once."""
        builds = (self.build, *(overlay.build for overlay in self.overlays))
        return tuple(dict.fromkeys(build.base_image for build in builds if build and build.base_image))


def read(text: str) -> tuple[AicoeFile, tuple[str, ...]]:
    """The file's content, and a sentence on each thing that has no effect here. Raises ConfigError."""
    root = yamltext.compose(text, PATH)
    if root is None:
        return AicoeFile(), ()
    spot = Spot(PATH, foreign=True)
    found = AicoeFile(**sections.read(AicoeFile, root, spot))
    return found, (*spot.noted, *_effects(found))


def _effects(found: AicoeFile) -> list[str]:
    said = []
    if found.check:
        said.append(f"{PATH}: `check` ({_listed(found.check)}) comes to Bolide's evidence on its own update requests.")
    if found.release or found.gather:
        names = _listed((*found.release, *found.gather))
        said.append(f"{PATH}: `release` and `gather` ({names}) have no effect; `release` of .github/bolide.yaml has.")
    said.extend(
        f"{PATH}: the image is built on {yamltext.shown_value(image)}; name it by digest in a Containerfile instead."
        for image in found.base_images()
        if "@sha256:" not in image
    )
    return said


def _listed(names: Names) -> str:
    return ", ".join(map(yamltext.shown, names[:10]))
