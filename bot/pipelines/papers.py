"""What goes with each thing that was made: its bill of materials, and the statement of what it was made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.core import lockfile, sbom
from bot.core.image import IMAGE_BUILD, Origin, provenance

BUILDER = "https://github.com/bolide"


@dataclass(frozen=True, slots=True)
class Papers:
    """What is told of something that was made at a moment, from these categories of a lock."""

    origin: Origin
    lock: str
    categories: Sequence[str]
    at: datetime

    def write(self, folder: Path, name: str, digest: str, build: str = IMAGE_BUILD) -> None:
        """Write `provenance.json` and `sbom.json` about what has this name and digest (`sha256:…`)."""
        statement = provenance(name, digest, self.origin, BUILDER, self.at.isoformat(), build)
        inside = {lockfile.lock_section(category) for category in self.categories}
        locked = {name: section for name, section in lockfile.parse(self.lock).items() if name in {"_meta", *inside}}
        (folder / "provenance.json").write_text(json.dumps(statement, indent=1))
        (folder / "sbom.json").write_text(sbom.render(locked, name, digest, self.at))
