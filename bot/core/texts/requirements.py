"""The requirements.txt that is made from a lock, and the pull request that brings it."""

from collections.abc import Mapping, Sequence
from typing import Any

from bot.core import lockfile
from bot.core.errors import Refused
from bot.core.texts.markdown import harmless
from bot.core.upkeep import mark

KIND = "requirements"
BRANCH = f"bolide/{KIND}"
TITLE = "Synchronise requirements.txt with the lock"


def render(lock: Mapping[str, Any], name: str) -> str:
    """The pins of the lock's default category with their hashes; raises Refused where two indexes are needed."""
    indexes = lockfile.indexes(lock, ["packages"])
    if len(indexes) > 1:
        raise Refused(
            f"{name} locks from {len(indexes)} indexes, and a requirements.txt cannot say which package is from which."
        )
    index = "".join(f"--index-url {url}\n" for url in indexes.values())
    return f"# Made from {name}; change the Pipfile, not this file.\n{index}{lockfile.requirements(lock, ['packages'])}"


def body(paths: Sequence[str], told: str) -> str:
    """Which files change; `told` names the content, so that it is not proposed again once it was declined."""
    files = "\n".join(f"- {harmless(path)}" for path in paths)
    return f"These say what their locks say again:\n\n{files}\n\n{mark(KIND, told)}\n"
