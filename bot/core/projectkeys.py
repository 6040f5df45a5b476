"""Sections of the configuration that Thoth's `.thoth.yaml` has too: runtime environments and managers."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from bot.core.advice import TYPES, RecommendationType
from bot.core.kinds import Choice, Flag, Plain, PythonVersion, Words
from bot.core.recipe import Names
from bot.core.sections import Needed, Section

MANAGERS = ("update", "release", "advise", "provenance", "info", "requirements", "labels", "base-images")
"""The managers that can be switched."""
OFF_BY_DEFAULT = frozenset({"requirements", "labels", "base-images"})


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """What an environment runs on."""

    name: Annotated[str, Plain(), "such as ubi"] = ""
    version: Annotated[str, Plain(), 'such as "8"'] = ""


@dataclass(frozen=True, slots=True)
class RuntimeEnvironment:
    """Where a lock is used; its name is that of the overlay folder."""

    name: Annotated[str, Plain(), "the overlay's folder", Needed("training")] = ""
    operating_system: Annotated[OperatingSystem, Section(OperatingSystem), "what it runs on"] = field(
        default_factory=OperatingSystem
    )
    python_version: Annotated[str, PythonVersion(), "the Python that its lock is resolved for"] = ""
    recommendation_type: Annotated[RecommendationType | Literal[""], Choice(TYPES), "what is recommended for it"] = ""
    base_image: Annotated[str, Plain(), "the image that it is built on"] = ""


@dataclass(frozen=True, slots=True)
class ManagerKeys:
    """One manager: whether it works, on which environments, and the labels of its pull requests."""

    name: Annotated[str, Choice(MANAGERS), "the manager", Needed("update")] = ""
    enabled: Annotated[bool, Flag(), "whether it works"] = True
    labels: Annotated[Names, Words(), "labels for its pull requests"] = ()
    env_allow_list: Annotated[Names, Words(), "the only environments that it works on; none: all"] = ()
    env_disallow_list: Annotated[Names, Words(), "environments that it leaves alone"] = ()


@dataclass(frozen=True, slots=True)
class ProvenanceKeys:
    """What counts when the provenance of the locks is looked at."""

    sources: Annotated[Names, Words(), "the addresses that a lock's sources may have; none: any"] = ()
