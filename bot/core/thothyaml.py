"""Thoth's `.thoth.yaml` as it is: what Bolide takes from it, and what it does not know is noted, not refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from bot.core import sections, yamltext
from bot.core.kinds import FOLDER, HOST, Flag, Listed, Plain, Words
from bot.core.projectkeys import MANAGERS, ManagerKeys, RuntimeEnvironment
from bot.core.recipe import Names
from bot.core.sections import Needed, Section
from bot.core.yamltext import Spot

PATH = ".thoth.yaml"
KEBECHETS = {
    "update": "update",
    "version": "release",
    "info": "info",
    "thoth-advise": "advise",
    "thoth-provenance": "provenance",
    "pipfile-requirements": "requirements",
    "label-bot": "labels",
}
"""Kebechet's names of managers → Bolide's."""


@dataclass(frozen=True, slots=True)
class ManagerConfiguration:
    """What stands below a manager's `configuration`."""

    labels: Annotated[Names, Words(), ""] = ()
    maintainers: Annotated[Names, Words(), ""] = ()
    env_allow_list: Annotated[Names, Words(), ""] = ()
    env_disallow_list: Annotated[Names, Words(), ""] = ()


NOTHING = ManagerConfiguration()


@dataclass(frozen=True, slots=True)
class ThothManager:
    """One of Kebechet's managers; the lists of environments stand here or below `configuration`."""

    name: Annotated[str, Plain(), "", Needed("update")] = ""
    configuration: Annotated[ManagerConfiguration, Section(ManagerConfiguration), ""] = NOTHING
    env_allow_list: Annotated[Names, Words(), ""] = ()
    env_disallow_list: Annotated[Names, Words(), ""] = ()


@dataclass(frozen=True, slots=True)
class ThothFile:
    """The keys of `.thoth.yaml` that mean something here."""

    host: Annotated[str, HOST, ""] = ""
    tls_verify: Annotated[bool, Flag(), ""] = True
    requirements_format: Annotated[str, Plain(), ""] = ""
    virtualenv: Annotated[str, Plain(), ""] = ""
    overlays_dir: Annotated[str, FOLDER, ""] = ""
    runtime_environments: Annotated[tuple[RuntimeEnvironment, ...], Listed(Section(RuntimeEnvironment)), ""] = ()
    managers: Annotated[tuple[ThothManager, ...], Listed(Section(ThothManager)), ""] = ()


def read(text: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The values of keys of `RepoConfig` that the file sets, and a sentence on each thing that has no effect here.

    Raises ConfigError where a key that Bolide knows has a value that it cannot be.
    """
    root = yamltext.compose(text, PATH)
    if root is None:
        return {}, ()
    spot = Spot(PATH, foreign=True)
    values = sections.read(ThothFile, root, spot)
    for key in ("requirements_format", "virtualenv"):
        if key in values:
            spot.noted.append(f"{PATH}: `{key}` has no effect; the files that are there decide.")
            del values[key]
    if "managers" in values:
        found = values.pop("managers")
        values |= {"managers": _managers(found, spot.noted), "maintainers": _maintainers(found)}
    return values, tuple(spot.noted)


def _managers(found: tuple[ThothManager, ...], noted: list[str]) -> tuple[ManagerKeys, ...]:
    """Every manager of Bolide's that can be switched: those that are not listed are off, as in Kebechet."""
    listed: dict[str, ManagerKeys] = {}
    for manager in found:
        name = KEBECHETS.get(manager.name)
        if name is None:
            noted.append(f"{PATH}: the manager `{yamltext.shown(manager.name)}` is not known here; it has no effect.")
            continue
        own = manager.configuration
        allowed = manager.env_allow_list or own.env_allow_list
        disallowed = manager.env_disallow_list or own.env_disallow_list
        listed[name] = ManagerKeys(name, labels=own.labels, env_allow_list=allowed, env_disallow_list=disallowed)
    return tuple(listed.get(name, ManagerKeys(name, enabled=False)) for name in MANAGERS)


def _maintainers(found: tuple[ThothManager, ...]) -> Names:
    return tuple(dict.fromkeys(login for manager in found for login in manager.configuration.maintainers))
