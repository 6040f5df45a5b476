"""What is well in a repository and what is not, as its owner can mend it: configuration, locks, versions, paths."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.core import (
    aicoefile,
    argocd,
    changes,
    environments,
    kustomize,
    locks,
    places,
    relock,
    repoconfig,
    thothyaml,
)
from bot.core.environments import PYTHON_VERSION, Environment
from bot.core.errors import Refused
from bot.core.onboarding import CONFIGURED_BY, worth_reading
from bot.core.ports import Reader, Snapshot, Unreadable
from bot.core.projectkeys import MANAGERS
from bot.core.repoconfig import RepoConfig

State = Literal["well", "limited", "missing"]
MOST_FILES = 150
_TEMPLATES = re.compile(r".*\.(?:ya?ml|toml|cfg)|(?:.*/)?(?:Containerfile|Dockerfile)|setup\.py")
_PLACEHOLDERS = re.compile(
    r"\{\{\s*cookiecutter\.[\w.]+\s*\}\}|\{THOTH_[A-Z_]+\}|<(?:your|my|replace|insert|project)[-_ ][\w -]{1,40}>"
    r"|\b(?:CHANGE|REPLACE)[-_]?ME\b|\bYOUR[-_][A-Z_-]+\b"
)
NO_ENVIRONMENT = (
    "There is no Pipfile, no uv.lock and no requirements.in with its requirements.txt, so there is nothing to update."
)
_NO_PROJECT = re.compile(r"(?:.*/)?(?:tests?|docs?|node_modules|examples?)/")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is a sentence where it is not well."""

    state: State
    thing: str
    remedy: str = ""


async def examine(reader: Reader, allowed_hosts: frozenset[str] = frozenset()) -> tuple[Finding, ...]:
    """Everything that the repository's own files tell. Raises ForgeRefused and ForgeUnavailable."""
    start = await reader.snapshot(CONFIGURED_BY, branch="bolide/update")
    paths = await reader.paths(start.sha)
    try:
        config = repoconfig.read(start)
    except Refused as problem:
        return (Finding("missing", "the configuration", str(problem)), *_aicoe(start, paths))
    found = environments.find(paths_of_environments(paths, config.overlays_dir), config.overlays_dir)
    lock_files = dict.fromkeys(path for each in found.environments for path in each.files)
    wanted = (*lock_files, PYTHON_VERSION, *config.release.version_files, *worth_reading(paths), *_scanned(paths))
    project = await reader.snapshot(tuple(dict.fromkeys(wanted)), branch="bolide/update", sha=start.sha or None)
    remarks = (Finding("limited", remark, "Rename the folder.") for remark in found.remarks)
    return (
        *_configured(start, config, found.environments),
        *_aicoe(start, paths),
        *remarks,
        *(finding for each in found.environments for finding in _locked(each, project, config, allowed_hosts)),
        *_versions(project, config, paths),
        *_paths(config, paths),
        *_deployed(project, paths),
        *_placeholders({path: project.files[path] for path in _scanned(paths)}),
    )


def paths_of_environments(paths: Iterable[str], overlays: str) -> tuple[str, ...]:
    """Those at the top and one folder below the overlays, as environments are found from."""
    depth = overlays.count("/") + 2
    return tuple(
        path for path in paths if "/" not in path or (path.startswith(f"{overlays}/") and path.count("/") == depth)
    )


def _configured(start: Snapshot, config: RepoConfig, found: Sequence[Environment]) -> Iterator[Finding]:
    """What the configuration came to."""
    files = [path for path in CONFIGURED_BY if start.files[path] is not None]
    yield Finding("well", f"configured by {', '.join(files) or 'nothing: every default holds'}")
    off = [name for name in MANAGERS if not config.runs(name)]
    yield Finding("well", f"managers that are off: {', '.join(off) or 'none'}")
    if found:
        yield Finding("well", f"environments: {', '.join(each.name for each in found)}")
    else:
        yield Finding("limited", "environments: none", NO_ENVIRONMENT)
    service, training = config.service, config.training
    yield Finding("well", f"service: {service.wsgi if service else 'none, nothing is deployed'}")
    yield Finding("well", f"training: {' '.join(training.train) if training else 'none'}")
    if config.host:
        yield Finding("well", f"advice is asked of {config.host}")
    _, noted = thothyaml.read(start.text(thothyaml.PATH))
    yield from (Finding("limited", sentence) for sentence in noted)
    known = {each.name for each in found}
    for environment in config.runtime_environments:
        if environment.name not in known and len(config.runtime_environments) > 1:
            where = f"{config.overlays_dir}/{environment.name}"
            yield Finding(
                "limited", f"runtime environment {environment.name}", f"There is no lock in {where}; add one."
            )


def _aicoe(start: Snapshot, paths: Sequence[str]) -> Iterator[Finding]:
    """What AICoE-CI's file came to."""
    try:
        found, said = aicoefile.read(start.text(aicoefile.PATH))
    except Refused as problem:
        yield Finding("limited", "AICoE-CI's file", str(problem))
        return
    yield from (Finding("limited", sentence) for sentence in said)
    for deploy in (found.deploy, *(overlay.deploy for overlay in found.overlays)):
        if deploy and deploy.overlay_contextpath and deploy.overlay_contextpath not in paths:
            sentence = f"{aicoefile.PATH}: `overlay-contextpath` is {deploy.overlay_contextpath[:200]!r}"
            yield Finding("missing", sentence, "There is no such file; correct the path.")


def _locked(each: Environment, project: Snapshot, config: RepoConfig, hosts: frozenset[str]) -> Iterator[Finding]:
    """Whether the lock is there, readable, made for what is wanted, and for one Python."""
    try:
        today = locks.read(each, project, hosts)
        python = relock.python_of(project, config, each, today)
    except Refused as problem:
        yield Finding("missing", f"{each.lock}", str(problem))
        return
    yield from (Finding("limited", f"the Python of {each.manifest}", note) for note in python.notes)
    if today.lock is None:
        yield Finding(
            "missing", f"{each.lock} is not there", f"Lock {each.manifest}, or merge the update that Bolide opens."
        )
        return
    lacks = changes.shortfalls(today.wanted, today.lock)
    if each.kind == "pipfile" and not changes.is_current(today.wanted, today.lock):
        lacks = (f"its hash is not that of {each.manifest}", *lacks)
    if lacks:
        yield Finding("missing", f"{each.lock} does not match: {'; '.join(lacks[:5])}", "Lock again.")
    else:
        yield Finding("well", f"{each.lock} matches {each.manifest}")


def _versions(project: Snapshot, config: RepoConfig, paths: Sequence[str]) -> Iterator[Finding]:
    """Whether the places of the version say one version."""
    named = config.release.version_files
    said: dict[str, list[str]] = {}
    for path in named or [path for path in worth_reading(paths) if path != "Pipfile"]:
        try:
            said.setdefault(places.read(path, project.text(path))[0].version, []).append(path)
        except Refused as problem:
            if path in named:
                yield Finding("missing", f"the version in {path}", str(problem))
    if len(said) > 1:
        told = "; ".join(f"{version} in {', '.join(files)}" for version, files in said.items())
        yield Finding("missing", f"versions contradict: {told}", "Make them one.")
    for version, files in list(said.items())[: len(said) == 1]:
        yield Finding("well", f"version {version} in {', '.join(files)}")


def _paths(config: RepoConfig, paths: Sequence[str]) -> Iterator[Finding]:
    """Whether what the configuration names is there."""
    named = [("service.inputs", config.service.inputs)] if config.service else []
    named += [("training.inputs", config.training.inputs)] if config.training else []
    named += [("deployments_from", tuple(guest.below for guest in config.deployments_from))]
    if config.deploy and config.deploy.repository:
        yield Finding(
            "limited",
            f"the service is declared in {config.deploy.place}",
            f"`doctor {config.deploy.repository}` looks there; its `deployments_from` must name this repository.",
        )
    elif config.deploy and not config.deploy.branch:
        named += [("deploy.overlay", (f"{config.deploy.overlay}/{kustomize.FILE}",))]
    for key, inputs in named:
        for path in inputs:
            if not _there(path, paths):
                yield Finding("missing", f"`{key}` names {path}", "There is no such path; correct it.")


def _deployed(project: Snapshot, paths: Sequence[str]) -> Iterator[Finding]:
    """Whether the paths that Argo CD watches in this repository are there."""
    own = project.name.rpartition("/")[2].lower()
    for file, content in project.files.items():
        for source in argocd.sources(content) if isinstance(content, str) and file.endswith((".yaml", ".yml")) else ():
            if source.repository.lower() != own:
                yield Finding(
                    "limited", f"{file}: Argo CD watches {source.path} of {source.repository}, not looked into"
                )
            elif not _there(source.path, paths):
                yield Finding("missing", f"{file}: Argo CD watches {source.path}", "There is no such path; correct it.")


def _placeholders(files: Mapping[str, str | Unreadable | None]) -> Iterator[Finding]:
    """What a template left to be filled in."""
    for path, content in files.items():
        found = _PLACEHOLDERS.search(content) if isinstance(content, str) else None
        if found and isinstance(content, str):
            line = content.count("\n", 0, found.start()) + 1
            yield Finding("missing", f"{path} line {line}: {found[0]!r}", "A template left it; fill it in.")


def _scanned(paths: Sequence[str]) -> tuple[str, ...]:
    """The files in which templates leave places, and Argo CD's applications stand."""
    return tuple(path for path in paths if _TEMPLATES.fullmatch(path) and not _NO_PROJECT.match(path))[:MOST_FILES]


def _there(path: str, paths: Sequence[str]) -> bool:
    bare = path.strip("/").removeprefix("./")
    return bare in ("", ".") or any(each == bare or each.startswith(f"{bare}/") for each in paths)
