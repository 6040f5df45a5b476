"""Versions on marked lines of any file: `image: digits:1.2.3  # bolide:version`."""

import re

from bot.core.errors import Refused
from bot.core.places.span import Place

MARK = "bolide:version"
_MARK = re.compile(r"\bbolide:version(?![\w-])")
_VERSION = re.compile(
    r"""(?<![\w.!+-])v?(?P<version>(?:\d+!)?\d+(?:\.\d+)+      # epoch and numbers
        (?:[-_.]?(?:a|b|c|rc|alpha|beta|pre)[-_.]?\d+)?       # alpha, beta, candidate
        (?:[-_.]?post[-_.]?\d+)?(?:[-_.]?dev[-_.]?\d+)?)      # post, dev
        (?![\w!+]|[.-]\w)""",
    re.VERBOSE,
)


def find(path: str, text: str) -> list[Place] | None:
    """The versions on marked lines, None where no line is marked; raises Refused for a line with none or several."""
    if not _MARK.search(text):
        return None
    found, position = [], 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        if mark := _MARK.search(line):
            versions = list(_VERSION.finditer(line, 0, mark.start()))
            if len(versions) != 1:
                what = "no version" if not versions else f"{len(versions)} versions"
                raise Refused(f"{path} line {number} is marked with `{MARK}` and has {what}; it must have one.")
            start, end = versions[0].span("version")
            found.append(Place(f"{path} line {number}", versions[0]["version"], position + start, position + end))
        position += len(line)
    return found
