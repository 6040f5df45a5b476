"""What a repository's owner decides: the keys of `.github/bolide.yaml`, each one line of `RepoConfig` or of a section.

An unknown key is an error that names the key, its place and the nearest valid one. After a change of the keys,
`python -m bot schema --write docs` renews the published JSON Schema and the table in docs/configuration.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bot.core import sections, thothyaml, yamltext
from bot.core.advice import TYPES, RecommendationType
from bot.core.deploykeys import DeployKeys, GuestKeys
from bot.core.kinds import FOLDER, HOST, Choice, Flag, Listed, PythonVersion, Whole, Words
from bot.core.labelling import LabelRule
from bot.core.packages import ThothHost
from bot.core.ports import Snapshot
from bot.core.projectkeys import OFF_BY_DEFAULT, ManagerKeys, ProvenanceKeys, RuntimeEnvironment
from bot.core.recipe import Names, Recipe, ServiceRecipe, TrainingRecipe
from bot.core.releasekeys import RELEASE, ReleaseKeys
from bot.core.schedules import Schedule
from bot.core.sections import Section
from bot.core.updatekeys import UpdateKeys
from bot.core.yamltext import ConfigError, Spot

__all__ = ["PATH", "PATHS", "ConfigError", "ReleaseKeys", "RepoConfig", "parse", "read"]

PATH = ".github/bolide.yaml"
PATHS = (PATH, thothyaml.PATH)
"""Every file that `read` wants in the snapshot; the first wins, key by key."""


@dataclass(frozen=True, slots=True)
class RepoConfig:
    """Every key with its type, kind, description and default."""

    python: Annotated[str, PythonVersion(), "the Python that the lock is resolved for; default: the Pipfile's"] = ""
    cooldown_days: Annotated[int, Whole(0, 365, "days"), "a release younger than this is not proposed"] = 7
    training: Annotated[TrainingRecipe | None, Section(TrainingRecipe), "how the model is made"] = None
    service: Annotated[ServiceRecipe | None, Section(ServiceRecipe), "how the model is served"] = None
    overlays_dir: Annotated[str, FOLDER, "the folder whose folders are environments of their own"] = "overlays"
    runtime_environments: Annotated[
        tuple[RuntimeEnvironment, ...], Listed(Section(RuntimeEnvironment)), "where the locks are used"
    ] = ()
    recommendation_type: Annotated[
        RecommendationType, Choice(TYPES), "what is recommended, where an environment says nothing"
    ] = "latest"
    managers: Annotated[tuple[ManagerKeys, ...], Listed(Section(ManagerKeys)), "what is set for single managers"] = ()
    adviser: Annotated[
        Literal["own", "thoth"],
        Choice(("own", "thoth")),
        "who advises on whole locks: Bolide, or the `host`",
    ] = "own"
    host: Annotated[str, HOST, "the Thoth-compatible host that gives advice"] = ""
    tls_verify: Annotated[bool, Flag(), "whether that host's certificate is verified"] = True
    provenance: Annotated[ProvenanceKeys, Section(ProvenanceKeys), "what a lock may be made of"] = field(
        default_factory=ProvenanceKeys
    )
    label_rules: Annotated[tuple[LabelRule, ...], Listed(Section(LabelRule)), "labels by what is touched"] = ()
    maintainers: Annotated[Names, Words(), "logins of people who may command without write access"] = ()
    updates: Annotated[UpdateKeys, Section(UpdateKeys), "when and how much is proposed"] = field(
        default_factory=UpdateKeys
    )
    deploy: Annotated[
        DeployKeys | None, Section(DeployKeys), "how a cluster gets the service; none: Bolide's own machine serves it"
    ] = None
    deployments_from: Annotated[
        tuple[GuestKeys, ...], Listed(Section(GuestKeys)), "the repositories whose deployments are declared here"
    ] = ()
    release: Annotated[ReleaseKeys, Section(ReleaseKeys), "how releases are made"] = field(default_factory=ReleaseKeys)

    @property
    def recipe(self) -> Recipe:
        """What there is to build and to serve."""
        return Recipe(self.training, self.service)

    @property
    def thoth(self) -> ThothHost | None:
        """The host that is asked for advice; None where Bolide's own adviser is. Raises ConfigError without a host."""
        if self.adviser == "own":
            return None
        if not self.host:
            raise ConfigError("`adviser: thoth` needs a `host` to ask; name one, or take `adviser` out.")
        return ThothHost(self.host, self.tls_verify)

    def appointments(self) -> tuple[tuple[str, Schedule], ...]:
        """What is on the repository's schedule, by its purpose. Raises ConfigError for what cannot be kept."""
        found = (("updates", self.updates.when()), (RELEASE, self.release.when(self.updates.timezone)))
        return tuple((purpose, schedule) for purpose, schedule in found if schedule)

    def runs(self, manager: str) -> bool:
        """Whether a manager that can be switched is on."""
        return next((keys.enabled for keys in self.managers if keys.name == manager), manager not in OFF_BY_DEFAULT)

    def allows(self, manager: str, environment: str) -> bool:
        """Whether the manager works on the environment; each manager has lists of its own."""
        own = self._manager(manager)
        allowed = not own.env_allow_list or environment in own.env_allow_list
        return allowed and environment not in own.env_disallow_list

    def labels(self, manager: str) -> tuple[str, ...]:
        """The labels for the manager's pull requests."""
        return self._manager(manager).labels

    def environment(self, name: str) -> RuntimeEnvironment | None:
        """What is said of the environment; of the root ("" or "default"), where one alone is said, that one."""
        named = next((found for found in self.runtime_environments if found.name == name), None)
        alone = self.runtime_environments[0] if len(self.runtime_environments) == 1 else None
        return named or (alone if name in ("", "default") else None)

    def python_of(self, environment: str) -> str:
        """The Python that the environment's lock is resolved for; empty where the configuration does not say."""
        found = self.environment(environment)
        return found.python_version if found and found.python_version else self.python

    def recommended(self, environment: str) -> RecommendationType:
        """What advice and updates of the environment aim at."""
        found = self.environment(environment)
        return (found and found.recommendation_type) or self.recommendation_type

    def _manager(self, name: str) -> ManagerKeys:
        return next((keys for keys in self.managers if keys.name == name), ManagerKeys(name))


def parse(text: str) -> RepoConfig:
    """The configuration; the empty text gives the defaults. Raises ConfigError."""
    return RepoConfig(**_given(text))


def read(project: Snapshot) -> RepoConfig:
    """The configuration of a repository whose snapshot has `PATHS`; no file gives the defaults. Raises Refused."""
    taken, _ = thothyaml.read(project.text(thothyaml.PATH))
    return RepoConfig(**{**taken, **_given(project.text(PATH))})


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
