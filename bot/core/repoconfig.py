"""What a repository's owner decides: the keys of `.github/bolide.yaml`, each one line of `RepoConfig` or of a section.

An unknown key is an error that names the key, its place and the nearest valid one. After a change of the keys,
`python -m bot schema --write docs` renews the published JSON Schema and the table in docs/configuration.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from bot.core import sections, yamltext
from bot.core.kinds import PythonVersion, Whole, Words
from bot.core.ports import Snapshot
from bot.core.recipe import Names, Recipe, ServiceRecipe, TrainingRecipe
from bot.core.sections import Section
from bot.core.updatekeys import UpdateKeys
from bot.core.yamltext import ConfigError, Spot

__all__ = ["PATH", "PATHS", "ConfigError", "ReleaseKeys", "RepoConfig", "parse", "read"]

PATH = ".github/bolide.yaml"
PATHS = (PATH,)
"""Every file that `read` wants in the snapshot."""


@dataclass(frozen=True, slots=True)
class ReleaseKeys:
    """How releases are made."""

    version_files: Annotated[tuple[str, ...], Words(), "the files where the version stands"] = ()


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """Every key with its type, kind, description and default."""

    python: Annotated[str, PythonVersion(), "the Python that the lock is resolved for; default: the Pipfile's"] = ""
    cooldown_days: Annotated[int, Whole(0, 365, "days"), "a release younger than this is not proposed"] = 7
    training: Annotated[TrainingRecipe | None, Section(TrainingRecipe), "how the model is made"] = None
    service: Annotated[ServiceRecipe | None, Section(ServiceRecipe), "how the model is served"] = None
    maintainers: Annotated[Names, Words(), "logins of people who may command without write access"] = ()
    updates: Annotated[UpdateKeys, Section(UpdateKeys), "when and how much is proposed"] = field(
        default_factory=UpdateKeys
    )
    release: Annotated[ReleaseKeys, Section(ReleaseKeys), "how releases are made"] = field(default_factory=ReleaseKeys)

    @property
    def recipe(self) -> Recipe:
        """What there is to build and to serve."""
        return Recipe(self.training, self.service)


def parse(text: str) -> RepoConfig:
    """The configuration; the empty text gives the defaults. Raises ConfigError."""
    return RepoConfig(**_given(text))


def read(project: Snapshot) -> RepoConfig:
    """The configuration of a repository whose snapshot has `PATHS`; no file gives the defaults. Raises Refused."""
    return parse(project.text(PATH))


def _given(text: str) -> Mapping[str, Any]:
    root = yamltext.compose(text, PATH)
    return sections.read(RepoConfig, root, Spot(PATH)) if root else {}


def schema() -> Mapping[str, Any]:
    """The JSON Schema (2020-12) of `.github/bolide.yaml`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Bolide's configuration of a repository",
        **Section(RepoConfig).schema(),
    }
