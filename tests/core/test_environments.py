"""Which environments a repository has, and for which Python each is locked."""

import pytest

from bot.core import environments, interpreter
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.interpreter import Told

CONFIG = ".github/bolide.yaml"
GPU = Environment("gpu", "pipfile", "overlays/gpu")
TOP = Environment("default", "pipfile", "")


@pytest.mark.parametrize(
    ("listing", "names"),
    [
        ((), []),
        (("README.md", "pyproject.toml", "requirements.txt"), []),
        (("Pipfile",), ["default pipfile Pipfile"]),
        (("requirements.in", "requirements.txt"), ["default requirements requirements.in"]),
        (("pyproject.toml", "uv.lock"), ["default uv pyproject.toml"]),
        (
            ("Pipfile", "Pipfile.lock", "requirements.in", "requirements.txt", "pyproject.toml", "uv.lock"),
            ["default pipfile Pipfile", "uv uv pyproject.toml", "requirements requirements requirements.in"],
        ),
        (
            ("overlays/b/Pipfile", "overlays/a/requirements.in", "overlays/a/requirements.txt", "overlays/Pipfile"),
            ["a requirements overlays/a/requirements.in", "b pipfile overlays/b/Pipfile"],
        ),
        (
            ("Pipfile", "overlays/default/Pipfile", "overlays/gpu/Pipfile", "overlays/GPU/Pipfile"),
            [
                "default pipfile Pipfile",
                "GPU pipfile overlays/GPU/Pipfile",
                "pipfile pipfile overlays/default/Pipfile",
                "gpu-pipfile pipfile overlays/gpu/Pipfile",
            ],
        ),
        (
            tuple(f"overlays/{each}" for each in ("x/Pipfile", "X/Pipfile", "x-pipfile/Pipfile")),
            [
                "X pipfile overlays/X/Pipfile",
                "x-pipfile pipfile overlays/x/Pipfile",
                "x-pipfile-pipfile pipfile overlays/x-pipfile/Pipfile",
            ],
        ),
    ],
)
def test_the_environments_of_a_repository(listing: tuple[str, ...], names: list[str]) -> None:
    found = environments.find(listing)
    told = [f"{each.name} {each.kind} {each.manifest}" for each in found.environments]
    assert sorted(told) == sorted(names)
    assert len({each.name.lower() for each in found.environments}) == len(found.environments)
    assert found.remarks == ()


@pytest.mark.parametrize("folder", ["a b", "-x", "x..y", "x.lock", "a$(b)", "ü", "x" * 70])
def test_a_folder_whose_name_fits_into_no_branch_is_told_and_left(folder: str) -> None:
    found = environments.find(["Pipfile", f"overlays/{folder}/Pipfile"])
    assert found.environments == (TOP,)
    assert found.remarks == (f"'overlays/{folder}' cannot name an environment; use letters, digits, dots and dashes.",)


def test_there_is_a_limit_to_the_environments_that_are_looked_at() -> None:
    found = environments.find([f"overlays/e{n}/Pipfile" for n in range(60)])
    assert len(found.environments) == environments.MOST
    assert found.remarks == ("There are 60 environments; the first 50 are looked at.",)


def test_an_environment_knows_its_files_and_its_branch() -> None:
    assert GPU.files == ("overlays/gpu/Pipfile", "overlays/gpu/Pipfile.lock", "overlays/gpu/.python-version")
    assert (GPU.branch, TOP.branch) == ("bolide/update-gpu", "bolide/update")
    assert environments.of_lock(GPU.lock) == GPU
    assert environments.of_lock("overlays/gpu/uv.lock").manifest == "overlays/gpu/pyproject.toml"
    assert environments.of_lock("requirements.txt").manifest == "requirements.in"


def test_an_environment_is_found_by_its_name_in_any_case() -> None:
    found = environments.find(["Pipfile", "overlays/gpu/Pipfile"], "overlays")
    assert found.named("GPU") == (GPU,)
    assert found.named("") == (TOP, GPU)
    with pytest.raises(Refused, match=r"There is no environment 'tpu'; there is default, gpu\."):
        found.named("tpu")


def test_overlays_may_stand_in_another_folder() -> None:
    assert [each.folder for each in environments.find(["env/a/Pipfile"], "env").environments] == ["env/a"]


FILES = {".python-version": "3.10\n", "overlays/gpu/.python-version": "# ours\n\ncpython-3.9.1\n"}


@pytest.mark.parametrize(
    ("environment", "told", "version", "notes"),
    [
        (TOP, Told("", {}, "", "", ""), "", ()),
        (TOP, Told("", FILES, "", "", ""), "3.10", ()),
        (TOP, Told("3.11.2", {}, "3.11", "", "3.11"), "3.11", ()),
        (
            TOP,
            Told("3.11", FILES, "3.12", "3.12", "3.9"),
            "3.12",
            (
                "Pipfile says Python 3.11, .github/bolide.yaml says 3.12: the lock is made for 3.12.",
                ".python-version says Python 3.10, .github/bolide.yaml says 3.12: the lock is made for 3.12.",
                "Today's Pipfile.lock was made for Python 3.9; this one is for 3.12.",
            ),
        ),
        (GPU, Told("", FILES, "3.12", "", ""), "3.9.1", ("3.12", "3.10")),
        (GPU, Told("", {}, "", "3.8", ""), "3.8", ()),
        (GPU, Told("", {".python-version": "3.10"}, "3.12", "", ""), "3.12", ("3.10",)),
        (GPU, Told("3.6", {".python-version": "pypy3.9"}, "", "", ""), "3.6", ()),
    ],
)
def test_what_stands_nearest_names_the_python_and_contradictions_are_told(
    environment: Environment, told: Told, version: str, notes: tuple[str, ...]
) -> None:
    found = interpreter.choose(environment, told, CONFIG)
    assert found.version == version
    assert len(found.notes) == len(notes)
    assert all(part in note for part, note in zip(notes, found.notes, strict=True))


@pytest.mark.parametrize(
    ("lock", "version"),
    [
        (None, ""),
        ({"_meta": {}}, ""),
        ({"_meta": {"requires": {"python_version": "3.9"}}}, "3.9"),
        ({"_meta": {"requires": {"python_version": "3.9", "python_full_version": "3.9.4"}}}, "3.9.4"),
    ],
)
def test_a_lock_tells_the_python_that_it_was_made_for(lock: dict[str, object] | None, version: str) -> None:
    assert interpreter.locked_for(lock) == version
