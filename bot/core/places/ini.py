"""Versions in INI files: setup.cfg, .bumpversion.cfg."""

import re

from bot.core.errors import Refused
from bot.core.places.span import Place

_KEYS = {"metadata": "version", "bumpversion": "current_version"}
_SECTION = re.compile(r"\[(?P<name>[^\]\n]+)\]")
_ENTRY = re.compile(r"(?P<key>[A-Za-z_][\w.-]*)[ \t]*[=:][ \t]*(?P<value>\S+)?[^\r\n]*")


def find(path: str, text: str) -> list[Place]:
    """The versions in the file; raises Refused where setuptools takes the version from elsewhere."""
    found, section, position = [], "", 0
    for line in text.splitlines(keepends=True):
        if header := _SECTION.match(line.removeprefix("\ufeff")):
            section = header["name"].strip()
        elif (entry := _ENTRY.match(line)) and entry["key"] == _KEYS.get(section) and entry["value"]:
            value = entry["value"]
            if value in ("attr:", "file:"):
                elsewhere = line[entry.end("value") :].strip()
                raise Refused(f"{path} takes its version from {elsewhere[:80]!r}; name that file as the version file.")
            start = position + entry.start("value")
            found.append(Place(f"{path} [{section}]", value, start, start + len(value)))
        position += len(line)
    return found
