"""A builder of images and a registry, in memory."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from bot.pipelines import files


@dataclass
class MemoryImages:
    """A builder and a registry: an image is what its file and its folder hash to."""

    pushed: dict[str, tuple[str, str | None, str]] = field(default_factory=dict)
    built: dict[str, tuple[str, str | None, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    builds: int = 0
    public_keys: list[str] = field(default_factory=list)

    async def build(self, context: Path, containerfile: str) -> str:
        self.builds += 1
        if "VERIFYING_KEY_FILE" in containerfile:
            self.public_keys.append((context / "verifying-key.pem").read_text())
        name = hashlib.sha256(f"{containerfile}{files.digest(context)}".encode()).hexdigest()
        commit = re.search(r'^ENV COMMIT="(\w+)"$', containerfile, re.MULTILINE)
        card = context / "model" / "card.json"
        model = json.loads(card.read_text())["model_id"] if card.exists() else None
        (code,) = [
            text for part in ("shop/__init__.py", "training/train.py") for text in _text(context / "source" / part)
        ]
        self.built[name] = (commit[1] if commit else "", model, code)
        return name

    async def push(self, image: str, repository: str, tag: str) -> str:
        self.pushed[f"sha256:{image}"] = self.built[image]
        self.tags[tag] = f"sha256:{image}"
        return f"sha256:{image}"

    async def remove(self, image: str) -> None:
        del self.built[image]


def _text(path: Path) -> list[str]:
    return [path.read_text()] if path.exists() else []
