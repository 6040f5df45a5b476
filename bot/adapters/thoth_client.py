"""Thoth's client thamos, in an environment and a process of its own: it gets two files and a host, and nothing else."""

from pathlib import Path

from bot.adapters.environments import Environments, Installed
from bot.core import lockfile

PROJECT = Path(__file__).parents[2] / "overlays" / "thoth"
"""The folder with the client's Pipfile and its lock."""


async def install(environments: Environments, project: Path) -> Installed:
    """The client's environment as the project's lock has it.

    Two of its packages have no wheels and are built, so this is for a person to ask for. Raises InstallFailed,
    ValueError where the lock is none.
    """
    lock = lockfile.parse((project / "Pipfile.lock").read_text())
    lines = lockfile.requirements(lock, ["packages"]).splitlines(keepends=True)
    building = lockfile.without_wheels(lock, ["packages"])
    built = [line for line in lines if line.partition("==")[0] in building]
    return await environments.install("".join(line for line in lines if line not in built), built="".join(built))
