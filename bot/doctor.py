"""Checks the set-up of this machine and says what is missing, with the remedy."""

import asyncio
import platform
import re
import shutil
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.markup import escape

from bot.adapters import jail, kubernetes
from bot.adapters.environments import own_uv
from bot.adapters.folder import FolderReader
from bot.adapters.github.app import Installed
from bot.adapters.github.credentials import EVENTS, permissions
from bot.core import diagnosis
from bot.core.diagnosis import Finding
from bot.core.errors import Refused
from bot.core.isolation import ISOLATIONS, is_enough
from bot.core.labels import OURS
from bot.core.packages import IndexUnreachable, IndexUnsuitable, PackageUnknown
from bot.core.pipelineruns import ClusterRefused, ClusterUnavailable
from bot.core.ports import ForgeRefused, ForgeUnavailable
from bot.settings import Settings, SettingsProblem, allowed_hosts
from bot.variables import SETTINGS
from bot.wiring import cluster, packages, program

NEEDED_MB = 6_000
"""Two training environments with TensorFlow, the caches and the releases."""


_SIGNS = {"well": "[green]✓[/]", "limited": "[yellow]![/]", "missing": "[red]✗[/]"}


def main(environ: Mapping[str, str], what: str = "") -> int:
    """Print every finding; exit status 1 where something that Bolide needs is missing or wrong.

    `what` is a folder, or OWNER/NAME on GitHub; the empty text means this machine.
    """
    findings: Sequence[Finding]
    try:
        findings = asyncio.run(_look(environ, what))
    except (ForgeRefused, ForgeUnavailable, Refused) as problem:
        findings = [Finding("missing", what, str(problem))]
    console = Console(highlight=False)
    for finding in findings:
        console.print(f"{_SIGNS[finding.state]} {escape(finding.thing)}", soft_wrap=True)
        if finding.remedy:
            console.print(f"    {escape(finding.remedy)}", style="bold", soft_wrap=True)
    missing = sum(finding.state == "missing" for finding in findings)
    well = "All is well." if what else "All that Bolide needs is there."
    console.print(well if not missing else f"{missing} {'to mend' if what else 'missing'}; see above.")
    return 1 if missing else 0


async def _look(environ: Mapping[str, str], what: str) -> Sequence[Finding]:
    if not what:
        return await examine(environ)
    folder = _folder(what)
    if folder:
        return await diagnosis.examine(FolderReader(folder), _hosts(environ))
    try:
        settings = Settings.from_env(environ)
    except SettingsProblem as problem:
        raise Refused(f"{what} is asked of GitHub, and for that these are needed: {problem}") from problem
    async with program.github(settings) as forge:
        installed = await forge.installed(what)
        return (*_granted(installed), *await diagnosis.examine(forge.reader(installed.repository), _hosts(environ)))


def _folder(what: str) -> Path | None:
    """The folder that is meant; None for a repository on GitHub. Raises Refused for neither."""
    folder = Path(what)
    if folder.is_dir():
        return folder.resolve()
    if re.fullmatch(r"[\w.-]+/[\w.-]+", what, re.ASCII):
        return None
    raise Refused(f"{what} is not a folder and not OWNER/NAME; give one of these.")


def _granted(installed: Installed) -> Iterator[Finding]:
    """Whether the App has there what it needs."""
    levels = ("none", "read", "write", "admin")
    for name, level in permissions().items():
        held = installed.permissions.get(name, "none")
        if levels.index(held if held in levels else "none") < levels.index(level):
            yield Finding("missing", f"the permission {name}: {held}", f"Grant {name}: {level} in the App's settings.")
    for event in EVENTS:
        if event not in installed.events:
            yield Finding("missing", f"the event {event}", "Subscribe to it in the App's settings.")
    missing = [label.name for label in OURS if label.name not in installed.labels]
    if missing:
        names = ", ".join(missing)
        yield Finding("limited", f"labels that are not there: {names}", "GitHub makes one when it is first used.")


def _hosts(environ: Mapping[str, str]) -> frozenset[str]:
    return allowed_hosts(environ.get("BOLIDE_ALLOWED_HOSTS", ""))


async def examine(environ: Mapping[str, str]) -> list[Finding]:
    """What is well and what is not: this machine, the package index, the settings, GitHub."""
    findings = [_python(), _uv(), _program("git", "the sandbox needs it", "apt install git")]
    findings += [_isolation(environ), _disk()]
    findings.append(await _index(environ))
    if not any(environ.get(setting.name) for setting in SETTINGS if setting.default is None or "_FILE" in setting.name):
        limited = "no GITHUB_ settings: `make demo` and `sandbox` work without them, `run` needs them"
        return [*findings, Finding("limited", limited, "Set them as docs/settings.md says to run on GitHub.")]
    try:
        settings = Settings.from_env(environ)
    except SettingsProblem as problem:
        return [*findings, *(Finding("missing", line, "Correct this setting.") for line in problem.problems)]
    findings += [
        _port(settings.host, settings.port, "BOLIDE_PORT"),
        _port("127.0.0.1", settings.service_port, "BOLIDE_SERVICE_PORT"),
    ]
    return [*findings, *await _cluster(settings), await _github(settings)]


def _python() -> Finding:
    version = platform.python_version()
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        return Finding("well", f"Python {version}")
    return Finding("missing", f"Python {version}", "TensorFlow's wheels are for Python 3.11 to 3.13; use one of these.")


def _uv() -> Finding:
    try:
        return Finding("well", f"uv at {own_uv()}")
    except FileNotFoundError as problem:
        return Finding("missing", "uv", str(problem))


def _program(name: str, why: str, remedy: str) -> Finding:
    found = shutil.which(name)
    return Finding("well", f"{name} at {found}") if found else Finding("missing", f"{name}: {why}", f"`{remedy}`")


def _isolation(environ: Mapping[str, str]) -> Finding:
    required, image = environ.get("BOLIDE_REQUIRED_ISOLATION") or "process", environ.get("BOLIDE_EVIDENCE_IMAGE")
    if image and environ.get("BOLIDE_RUNNER") == "tekton":
        return Finding("well", f"evidence runs in pods of the cluster, in {image}")
    best = jail.best_isolation()
    if best == "bubblewrap":
        return Finding("well", "bubblewrap: evidence runs without network, seeing only its own files")
    if not any(is_enough(best, kind) for kind in ISOLATIONS if kind == required):
        return Finding(
            "limited",
            f"no code of a repository runs here: {required} is required and does not work",
            "`apt install bubblewrap`; in a cluster, set BOLIDE_RUNNER=tekton and BOLIDE_EVIDENCE_IMAGE.",
        )
    what = "without network, but sees this machine's files" if best == "unshare" else "with network and files in reach"
    return Finding("limited", f"evidence runs {what}", "`apt install bubblewrap` cuts it off entirely.")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free // 2**20
    state: Literal["well", "missing"] = "well" if free >= NEEDED_MB else "missing"
    return Finding(state, f"{free} MiB free on this disk", "" if state == "well" else f"Free {NEEDED_MB} MiB or more.")


async def _index(environ: Mapping[str, str]) -> Finding:
    url = environ.get("BOLIDE_INDEX_URL") or "https://pypi.org/simple"
    state = Path(environ.get("BOLIDE_STATE_DIR") or ".bolide")
    try:
        async with packages.open_packages(state, allowed_hosts(environ.get("BOLIDE_ALLOWED_HOSTS", ""))) as found:
            await found.index.project("flask", url)
    except (IndexUnreachable, IndexUnsuitable, PackageUnknown) as problem:
        return Finding("missing", f"the package index {url}", str(problem))
    return Finding("well", f"the package index {url} answers")


def _port(host: str, port: int, setting: str) -> Finding:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return Finding("limited", f"port {port} is taken", f"If not by Bolide itself, set {setting} to another.")
    return Finding("well", f"port {port} is free")


async def _cluster(settings: Settings) -> list[Finding]:
    """Whether the cluster that is to do the work lets Bolide see its runs."""
    if settings.tekton is None:
        return []
    place = f"the cluster at {settings.tekton.url}, name space {settings.tekton.namespace}"
    try:
        async with kubernetes.connect(cluster.address(settings.tekton)) as runs:
            await runs.look()
    except (ClusterRefused, ClusterUnavailable) as problem:
        return [Finding("missing", place, str(problem))]
    return [Finding("well", f"{place} lets Bolide see its runs")]


async def _github(settings: Settings) -> Finding:
    try:
        async with program.github(settings) as forge:
            return Finding("well", f"GitHub at {settings.api_url} knows the App as {forge.login}")
    except (ForgeRefused, ForgeUnavailable) as problem:
        return Finding("missing", f"GitHub at {settings.api_url}", str(problem))
