"""What a repository without a configuration has, and the configuration that fits it; until then the bot waits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core import aicoefile, discovery, environments, pipfile, places, repoconfig, thothyaml
from bot.core.environments import OVERLAYS
from bot.core.errors import Refused
from bot.core.kinds import WSGI
from bot.core.ports import Snapshot

BRANCH = "bolide/onboarding"
CONFIGURED_BY = (repoconfig.PATH, thothyaml.PATH, aicoefile.PATH)
"""A repository with one of these files is set up."""
MOST_FILES = 60
_TRAINING = ("training/train.py", "train.py", "src/train.py", "src/training/train.py", "model/train.py")
_NOTEBOOK = re.compile(r"[A-Za-z0-9_./ -]{1,200}\.ipynb")
"""A name that can stand in a comment and in a table."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found: environments by name, the service and its Pipfile categories, the training script, and places."""

    environments: tuple[str, ...] = ()
    service: str | None = None
    categories: tuple[str, ...] = ()
    """Those that a service is installed from, where one of them has gunicorn."""
    training: str | None = None
    notebooks: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether there is something that Bolide can do here."""
        return bool(self.environments or self.service or self.training or self.versions)


def waits(project: Snapshot) -> str | None:
    """Why nothing is proposed yet in a repository seen with `CONFIGURED_BY` and the other branch `BRANCH`."""
    if any(project.files.get(path) is not None for path in CONFIGURED_BY):
        return None
    work = project.others[BRANCH]
    if work.declined:
        return None
    number = work.branch.pull_request if work.branch else None
    which = f"#{number}" if number else "the pull request with a configuration"
    return f"Bolide waits for {which}: merge it, or close it to go on without a configuration."


def worth_reading(paths: Sequence[str]) -> tuple[str, ...]:
    """The files whose content says more, the likeliest first."""
    known = set(paths)
    pipfiles = [path for path in ("Pipfile",) if path in known]
    versions = places.usual(paths)
    return tuple(dict.fromkeys((*pipfiles, *versions, *discovery.likely(paths))))[:MOST_FILES]


def look(paths: Sequence[str], texts: Mapping[str, str]) -> Findings:
    """What the paths of a repository and the texts of the files worth reading tell."""
    found = environments.find(path for path in paths if path.count("/") == 0 or path.startswith(f"{OVERLAYS}/"))
    service = discovery.find_service(texts, texts.__getitem__)
    return Findings(
        tuple(each.name for each in found.environments),
        service if service and re.fullmatch(WSGI.pattern, service, re.ASCII) else None,
        _serving(texts.get("Pipfile", "")),
        next((path for path in _TRAINING if path in paths), None),
        tuple(path for path in paths if _NOTEBOOK.fullmatch(path))[:10],
        tuple(path for path, text in texts.items() if _has_version(path, text)),
    )


def _serving(text: str) -> tuple[str, ...]:
    """The categories of a Pipfile that a service with gunicorn is installed from, none where none has it."""
    try:
        categories = pipfile.parse(text).categories
    except Refused:
        return ()
    named = (name for name, wanted in categories.items() if "gunicorn" in wanted)
    having = next((name for name in named if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name)), None)
    return tuple(dict.fromkeys(("packages", having))) if having else ()


def _has_version(path: str, text: str) -> bool:
    try:
        return path != "Pipfile" and bool(places.read(path, text))
    except Refused:
        return False


def configuration(found: Findings) -> str:
    """The text of `.github/bolide.yaml` that fits, each line with what it is for."""
    parts = (_HEAD, _environments(found), _service(found), _training(found), _release(found), _notebooks(found))
    return "\n".join(filter(None, parts))


_HEAD = """\
# What Bolide does for this repository. Every line may be changed or left out; an unknown key is an error that says so.

# A release that is younger than this many days is not proposed; security fixes are, at once.
cooldown_days: 7
"""


def _environments(found: Findings) -> str:
    if not found.environments:
        return "# Nothing that locks dependencies was found: no Pipfile, no uv.lock, no requirements.in.\n"
    where = ""
    if found.environments != (environments.DEFAULT,):
        where = f'\n# Those besides "{environments.DEFAULT}" are the folders below this one.\noverlays_dir: {OVERLAYS}'
    return (
        f"# Environments, each with an update pull request of its own: {', '.join(found.environments)}."
        '\n# python: "3.11"   # where neither the Pipfile nor .python-version tells the Python'
        f"{where}\n"
    )


def _service(found: Findings) -> str:
    if found.service is None:
        return "# No WSGI service was found. Named so, it is deployed on each merge:\n# service:\n#   wsgi: app:app\n"
    off = "" if found.categories else "# "
    why = (
        "# The service: evidence starts it with each proposed lock, and each merge deploys it."
        if found.categories
        else "# The service was found, but no category of the Pipfile has gunicorn, which it is served with."
    )
    categories = ", ".join(found.categories or ("packages",))
    return (
        f"{why}\n{off}service:\n{off}  wsgi: {found.service}\n"
        f"{off}  # the Pipfile categories that it needs\n{off}  categories: [{categories}]\n"
        "  # ready: /readyz       # the route that answers 200 when it can serve\n"
        "  # version: /version    # the route that says which commit runs\n"
    )


def _training(found: Findings) -> str:
    if found.training is None:
        return ""
    return (
        "# The training: each merge that changes it trains the model anew; take it out if that is not wanted.\n"
        f"training:\n  train: [python, {found.training}]\n"
        "  # evaluate: [python, evaluate.py]\n  # gate: [python, gate.py]   # exit status 1 keeps the old model\n"
    )


def _release(found: Findings) -> str:
    if not found.versions:
        return "# No version was found; `release.version_files` names the files where it stands.\n"
    listed = "".join(f"\n    - {path}" for path in found.versions)
    why = "# Where the version stands; the issue “New minor release” proposes the next one there."
    return f"{why}\nrelease:\n  version_files:{listed}\n"


def _notebooks(found: Findings) -> str:
    if not found.notebooks:
        return ""
    listed = ", ".join(found.notebooks[:3])
    return f"# Notebooks: {listed}. What they install themselves is not kept up to date.\n"
