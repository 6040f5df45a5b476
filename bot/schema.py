"""The published description of the configuration: the JSON Schema and the table of keys in the documentation."""

import json
import sys
from pathlib import Path

from bot.core import repoconfig, sections
from bot.core.repoconfig import RepoConfig

SCHEMA, GUIDE = "bolide.schema.json", "configuration.md"
START, END = "<!-- keys -->\n", "<!-- /keys -->"


def main(folder: Path | None) -> int:
    """Print the JSON Schema, or renew both descriptions in the documentation's folder."""
    if folder is None:
        sys.stdout.write(schema())
        return 0
    guide = folder / GUIDE
    try:
        before, _, rest = guide.read_text().partition(START)
    except FileNotFoundError:
        print(f"{guide} is not there; give the folder of Bolide's documentation.", file=sys.stderr)
        return 1
    guide.write_text(f"{before}{START}{table()}{END}{rest.partition(END)[2]}")
    (folder / SCHEMA).write_text(schema())
    return 0


def schema() -> str:
    """The JSON Schema's text."""
    return json.dumps(repoconfig.schema(), indent=2, ensure_ascii=False) + "\n"


def table() -> str:
    """The keys as a Markdown table."""
    rows = [f"| `{name}` | {default} | {why} |" for name, default, why in sections.table(RepoConfig)]
    return "\n".join(("| key | default | meaning |", "|---|---|---|", *rows)) + "\n"
