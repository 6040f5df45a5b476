"""pyproject.toml and the uv.lock made from it: what is safe to hand to uv, and both as a Pipfile and its lock.

uv builds the project itself where its metadata are dynamic, even when told never to build: so nothing of a
repository's file is handed on but what is listed here.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Line
from packaging.utils import canonicalize_name

from bot.core import pipfile
from bot.core.lockfile import lock_section
from bot.core.pipfile import DEFAULT_SOURCE, MAX_BYTES, Pipfile, PipfileError, Requirement, Source

BUILD_SYSTEM = {"requires": [], "build-backend": "none"}
"""What stands in for a build system, so that none can be run."""
_PROJECT = ("constraint-dependencies", "override-dependencies", "environments", "required-environments", "conflicts")
_SETTINGS = ("prerelease", "resolution", "fork-strategy")
_REFUSED = ("workspace", "find-links", "index-url", "extra-index-url", "no-index", "dependency-metadata")
_EXCLUDED = re.compile(
    r"^exclude-newer[^\n]*\n|^\[options\.exclude-newer-package\]\n(?:[^\[\n][^\n]*\n)*\n?", re.MULTILINE
)
_PLATFORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "sys_platform": "linux",
}


@dataclass(frozen=True, slots=True)
class UvFiles:
    """What uv is given: a project file and settings that name nothing but packages of indexes, and today's lock.

    `unversioned` tells that the lock has no version of the project itself.
    """

    project: str
    settings: str
    lock: str
    unversioned: bool


def parse(text: str, place: str, allowed_hosts: frozenset[str] = frozenset()) -> tuple[Pipfile, str, str, bool]:
    """What is wanted, then project file and settings for uv, and whether the project has no version of its own.

    Raises PipfileError with place and remedy.
    """
    document = _document(text, place)
    project, groups = document.get("project"), document.get("dependency-groups", {})
    if not isinstance(project, dict) or not isinstance(groups, dict):
        raise PipfileError(f"{place} has no [project] table; uv locks nothing without it.")
    tool = document.get("tool", {}).get("uv", {})
    _refuse_dynamic(project, place)
    _refuse_tool(tool, place)
    tables = {"packages": project.get("dependencies", []), "dev-packages": tool.get("dev-dependencies", [])}
    tables |= {**project.get("optional-dependencies", {}), **groups}
    wanted = {name: _requirements(lines, f"{place} [{name}]") for name, lines in tables.items()}
    sources = _sources(tool, place, allowed_hosts)
    unversioned = "version" not in project
    kept = ("name", "version", "requires-python", "dependencies", "optional-dependencies")
    plain: dict[str, Any] = {"project": {"version": "0", **{key: project[key] for key in kept if key in project}}}
    plain |= {"dependency-groups": groups} if groups else {}
    plain |= {"build-system": BUILD_SYSTEM} if "build-system" in document else {}
    handed = (*_PROJECT, "dev-dependencies", "package", "sources", "index")
    plain["tool"] = {"uv": {key: tool[key] for key in handed if key in tool}}
    settings = {key: tool[key] for key in (*_SETTINGS, "index") if key in tool}
    found = Pipfile(sources, {}, wanted, {}, document)
    return found, tomlkit.dumps(plain), tomlkit.dumps(settings), unversioned


def python_of(text: str) -> str:
    """The one Python that the project's requires-python admits, such as "3.11"; empty where it admits several."""
    told = tomllib.loads(text.removeprefix("\ufeff")).get("project", {}).get("requires-python", "")
    found = re.fullmatch(r"==\s*(3\.\d{1,2})\.\*|~=\s*(3\.\d{1,2})\.\d{1,2}", str(told).strip())
    return found[1] or found[2] if found else ""


def project_of(text: str) -> tuple[object, ...]:
    """What a uv.lock says of the project itself: another one was made from another pyproject.toml."""
    document = tomllib.loads(text)
    own = [each["metadata"] for each in document["package"] if "metadata" in each]
    return own, document.get("manifest"), document.get("requires-python")


def parse_lock(
    text: str, wanted: Pipfile, python: str, place: str
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """What a uv.lock installs on Linux, as a Pipfile.lock's document, and who requires what; raises PipfileError."""
    try:
        document = tomllib.loads(text)
        packages = [_checked(each) for each in document["package"]]
        if document["version"] != 1:
            raise ValueError(f"its version is {document['version']!r:.40}")
        root = next(each for each in packages if {"virtual", "editable"} & each["source"].keys())
    except (tomllib.TOMLDecodeError, RecursionError, KeyError, TypeError, ValueError, StopIteration) as problem:
        raise PipfileError(f"{place} is no lock that uv made ({str(problem)[:120]}); run `uv lock`.") from problem
    walk = _Walk(packages, linux(python))
    starts = {"packages": root.get("dependencies", ())}
    starts |= {**root.get("optional-dependencies", {}), **root.get("dev-dependencies", {})}
    sections = {lock_section(name): walk.section(lines) for name, lines in starts.items()}
    sources = [{"name": each.name, "url": each.url, "verify_ssl": True} for each in wanted.sources]
    document = {"_meta": {"sources": sources, "requires": {}}, "default": {}, "develop": {}, **sections}
    return document, {name: tuple(sorted(parents)) for name, parents in walk.parents.items()}


def packages(text: str, place: str) -> tuple[Mapping[str, Any], ...]:
    """Every package of a uv.lock as it stands there, for whatever platform; raises PipfileError."""
    try:
        told = tuple(tomllib.loads(text)["package"])
        if not all(isinstance(each["name"], str) and isinstance(each["source"], Mapping) for each in told):
            raise ValueError("a package has no name or no source")
    except (tomllib.TOMLDecodeError, RecursionError, KeyError, TypeError, ValueError) as problem:
        raise PipfileError(f"{place} is no lock that uv made ({str(problem)[:120]}); run `uv lock`.") from problem
    return told


def index_urls(text: str, place: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """The addresses of the indexes that a pyproject.toml declares, the default one first, and the hosts not verified.

    Raises PipfileError.
    """
    tool = _document(text, place).get("tool", {}).get("uv", {})
    named = [each for each in tool.get("index", ()) if isinstance(each, Mapping)]
    default = [str(each.get("url", "")) for each in named if each.get("default")]
    default += [str(tool["index-url"])] if tool.get("index-url") else []
    more = [str(each.get("url", "")) for each in named] + [str(url) for url in tool.get("extra-index-url", ())]
    insecure = {str(host).partition(":")[0] for host in tool.get("allow-insecure-host", ())}
    return tuple(dict.fromkeys((*(default or [str(DEFAULT_SOURCE["url"])]), *more))), frozenset(insecure)


def uploads(text: str) -> dict[str, tuple[str, ...]]:
    """When the files of each package in a uv.lock were uploaded, as it tells."""
    found: dict[str, tuple[str, ...]] = {}
    for package in tomllib.loads(text).get("package", ()) if text else ():
        files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
        times = [str(file["upload-time"]) for file in files if "upload-time" in file]
        found[package["name"]] = (*found.get(package["name"], ()), *times)
    return found


def without_limits(text: str) -> str:
    """A uv.lock without the moments that files were left out after: they are Bolide's, not the project's."""
    return re.sub(r"^\[options\]\n\n", "", _EXCLUDED.sub("", text), flags=re.MULTILINE)


def without_own_version(text: str, name: str) -> str:
    """A uv.lock whose project has no version, as uv writes it for one that is told elsewhere."""
    start = rf'(^name = "{re.escape(canonicalize_name(name))}"\n)version = "0"\n(?=source = {{ (?:virtual|editable) = )'
    return re.sub(start, r"\1", text, flags=re.MULTILINE)


class _Walk:
    """A walk along the dependencies that hold in one environment."""

    def __init__(self, packages: list[Mapping[str, Any]], environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._packages: dict[str, list[Mapping[str, Any]]] = {}
        for package in packages:
            self._packages.setdefault(package["name"], []).append(package)
        self.parents: dict[str, set[str]] = {}

    def section(self, lines: Any) -> dict[str, dict[str, Any]]:
        """An entry for each package that these dependencies bring in."""
        entries: dict[str, dict[str, Any]] = {}
        seen: set[tuple[str, str]] = set()
        todo = [("", line) for line in lines if self._holds(line)]
        while todo:
            parent, line = todo.pop()
            package = self._package(line)
            if parent:
                self.parents.setdefault(package["name"], set()).add(parent)
            for extra in ("", *line.get("extra", ())):
                if (package["name"], extra) not in seen:
                    seen.add((package["name"], extra))
                    todo += [(package["name"], each) for each in _below(package, extra) if self._holds(each)]
            entries[package["name"]] = _entry(package)
        return entries

    def _package(self, line: Mapping[str, Any]) -> Mapping[str, Any]:
        found = [each for each in self._packages[line["name"]] if line.get("version") in (None, each["version"])]
        return found[0]

    def _holds(self, line: Mapping[str, Any]) -> bool:
        marker = line.get("marker")
        return not marker or Marker(marker).evaluate({**self._environment, "extra": ""})


def _below(package: Mapping[str, Any], extra: str) -> list[Mapping[str, Any]]:
    return list(package.get("optional-dependencies", {}).get(extra, ()) if extra else package.get("dependencies", ()))


def _entry(package: Mapping[str, Any]) -> dict[str, Any]:
    files = [*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else [])]
    return {
        "version": f"=={package['version']}",
        "hashes": sorted(str(file["hash"]) for file in files if "hash" in file),
    }


def linux(python: str) -> dict[str, str]:
    """What markers are evaluated with for CPython of this version on Linux."""
    short = ".".join(python.split(".")[:2])
    full = python if python.count(".") == 2 else f"{short}.0"
    return {**_PLATFORM, "python_version": short, "python_full_version": full, "implementation_version": full}


def _checked(package: Mapping[str, Any]) -> Mapping[str, Any]:
    """The package, where it comes from an index or is the project itself."""
    source = package["source"]
    if (
        not {"registry", "virtual", "editable"} & source.keys()
        or source.get("editable", source.get("virtual", ".")) != "."
    ):
        raise ValueError(f"{package['name']} comes from no index")
    return package


def _document(text: str, place: str) -> dict[str, Any]:
    if len(text) > MAX_BYTES:
        raise PipfileError(f"{place} has {len(text):,} characters; the limit is {MAX_BYTES:,}.")
    try:
        return tomllib.loads(text.removeprefix("\ufeff").replace("\r\n", "\n"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PipfileError(f"{place} is not TOML: {str(error) or 'it is nested too deeply'}.") from error


def _refuse_dynamic(project: Mapping[str, Any], place: str) -> None:
    dynamic = {"dependencies", "optional-dependencies"} & set(project.get("dynamic", ()))
    if dynamic:
        told = " and ".join(sorted(dynamic))
        raise PipfileError(f"{place} has its {told} made by a build, and Bolide never runs one; write them out.")


def _refuse_tool(tool: Mapping[str, Any], place: str) -> None:
    for key in _REFUSED:
        if tool.get(key):
            raise PipfileError(f"{place}: `tool.uv.{key}` is not followed; name the index as [[tool.uv.index]].")
    if tool.get("exclude-newer"):
        raise PipfileError(f"{place}: `tool.uv.exclude-newer` stands against every newer release; take it out.")
    for name, told in tool.get("sources", {}).items():
        for source in told if isinstance(told, list) else [told]:
            if set(source) - {"index", "marker", "extra", "group"}:
                kind = next(iter(sorted(set(source) - {"marker", "extra", "group"})))
                raise PipfileError(
                    f"{place}: {name} comes from its `{kind}`, which Bolide does not resolve; name an index."
                )


def _requirements(lines: Any, place: str) -> dict[str, Requirement]:
    if not isinstance(lines, list):
        raise PipfileError(f"{place} is no list of requirements.")
    return {each.key: each for each in _lines(lines, place)}


def _lines(lines: list[Any], place: str) -> Iterator[Requirement]:
    for line in lines:
        if isinstance(line, dict):
            continue  # the name of another group
        try:
            found = Line(str(line))
        except InvalidRequirement as problem:
            raise PipfileError(f"{place}: {str(line)[:80]!r} is not a requirement (PEP 508).") from problem
        if found.url:
            raise PipfileError(f"{place}: {found.name} comes from an address, which is not resolved; name a release.")
        specifier = str(found.specifier)
        yield Requirement(
            found.name, specifier, tuple(sorted(found.extras)), str(found.marker or ""), "", "", specifier
        )


def _sources(tool: Mapping[str, Any], place: str, allowed_hosts: frozenset[str]) -> tuple[Source, ...]:
    told = tool.get("index", [])
    if not isinstance(told, list) or not all(
        isinstance(each, dict) and isinstance(each.get("url"), str) for each in told
    ):
        raise PipfileError(f"{place}: [[tool.uv.index]] needs a url.")
    for each in told:
        pipfile.refuse_url(each["url"], f"{place} [[tool.uv.index]]", allowed_hosts)
        if each.get("format"):
            raise PipfileError(f"{place}: an index of the format {str(each['format'])[:20]!r} is not read.")
    found = [Source(str(each.get("name", "index")), each["url"], verify_ssl=True) for each in told]
    default = [found[n] for n, each in enumerate(told) if each.get("default")]
    first = default or [Source(str(DEFAULT_SOURCE["name"]), str(DEFAULT_SOURCE["url"]), verify_ssl=True)]
    return tuple(first + [each for each in found if each not in first])
