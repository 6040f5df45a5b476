"""Pipfile text → values, refusing what must not reach a resolver; and the hash that ties a lock to its Pipfile."""

import hashlib
import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core.errors import Refused
from bot.core.mergemarks import conflict

MAX_BYTES = 512 * 1024
MAX_ENTRIES = 2_000
NOT_CATEGORIES = frozenset({"source", "requires", "scripts", "pipenv", "pipfile", "build-system"})
_THOTH_SETTINGS = frozenset({"allow_prereleases", "disable_index_adjustment"})
DEFAULT_SOURCE = {"name": "pypi", "url": "https://pypi.org/simple", "verify_ssl": True}
MARKER_KEYS = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)
"""The keys of an entry that pipenv reads as a condition, such as `sys_platform = "== 'win32'"`."""
_NOT_RESOLVED = ("path", "file", "git", "hg", "svn", "bzr", "editable", "uri")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_CATEGORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?")
_OPERATOR = re.compile(r"\s*(?:===|==|!=|<=|>=|~=|<|>)")
_NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")  # such a host is an address (WHATWG URL)
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+")
_EMBEDDING = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96", "2002::/16", "2001::/32")))
"""The IPv6 networks whose addresses stand for an IPv4 address."""


class PipfileError(Refused):
    """One sentence naming the place in the Pipfile, what is wrong and what to write instead."""


@dataclass(frozen=True, slots=True)
class Source:
    """A package index that the Pipfile declares."""

    name: str
    url: str
    verify_ssl: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """One entry: `name` as written, `specifier` without spaces ("" for any), `entry` as the Pipfile has it.

    `unresolved` names the key (path, git, …) of an entry that is reported and never resolved, else it is empty.
    """

    name: str
    specifier: str
    extras: tuple[str, ...]
    markers: str
    index: str
    unresolved: str
    entry: str | Mapping[str, Any]

    @property
    def key(self) -> str:
        """The name in the form in which names are compared (PEP 503)."""
        return canonicalize_name(self.name)

    @property
    def exact(self) -> str:
        """The one version that the specifier admits, or empty."""
        found = re.fullmatch(r"={2,3}([^*,]+)", self.specifier)
        return found[1] if found else ""

    def admits(self, version: str) -> bool:
        """Whether the specifier admits a version, pre-releases too; what is not a version is not admitted."""
        return SpecifierSet(self.specifier).contains(version, prereleases=True)

    @property
    def pep508(self) -> str:
        """The requirement in one line, as a resolver reads it."""
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        return f"{self.name}{extras}{self.specifier}" + (f" ; {self.markers}" if self.markers else "")


@dataclass(frozen=True, slots=True)
class Pipfile:
    """A Pipfile that is safe to resolve; `categories` keeps the Pipfile's names, packages and dev-packages first."""

    sources: tuple[Source, ...]
    requires: Mapping[str, Any]
    categories: Mapping[str, Mapping[str, Requirement]]
    settings: Mapping[str, Any]
    document: Mapping[str, Any]

    def source_of(self, name: str) -> Source:
        """The index that the package with this normalised name comes from."""
        entries = (requirements.get(name) for requirements in self.categories.values())
        named = next((entry.index for entry in entries if entry and entry.index), "")
        return next((source for source in self.sources if source.name == named), self.sources[0])


def parse(text: str | bytes, allowed_hosts: frozenset[str] = frozenset()) -> Pipfile:
    """The Pipfile's values; hosts in `allowed_hosts` may be private or without TLS. Raises PipfileError."""
    document = read_document(text)
    categories = {name: _category(name, document.get(name, {})) for name in _category_names(document)}
    if sum(map(len, categories.values())) > MAX_ENTRIES:
        raise PipfileError(f"The Pipfile has too many entries; the limit is {MAX_ENTRIES:,}.")
    sources = _sources(document, allowed_hosts)
    _check_indexes(categories, sources)
    requires, settings = document.get("requires", {}), document.get("pipenv", {})
    if not isinstance(requires, dict) or not isinstance(settings, dict):
        raise PipfileError("[requires] and [pipenv] of the Pipfile must be tables.")
    return Pipfile(sources, requires, categories, settings, document)


def read_document(text: str | bytes) -> dict[str, Any]:
    """The Pipfile as TOML has it, with nothing checked but that; raises PipfileError."""
    if len(text) > MAX_BYTES:
        raise PipfileError(f"The Pipfile has {len(text):,} bytes; the limit is {MAX_BYTES:,}.")
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise PipfileError(f"The Pipfile is not UTF-8 (byte {error.start}); save it as UTF-8.") from error
    decoded = decoded.removeprefix("\ufeff").replace("\r\n", "\n")
    if problem := conflict(decoded):
        raise PipfileError(f"The Pipfile {problem}")
    try:
        return tomllib.loads(decoded)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PipfileError(f"The Pipfile is not TOML: {reason}.") from error


def _category_names(document: Mapping[str, Any]) -> tuple[str, ...]:
    own = _other_sections(document)
    for name in own:
        if not _CATEGORY.fullmatch(name) or name in ("default", "develop", "_meta"):
            raise PipfileError(
                f"The Pipfile's section {name[:80]!r} cannot be a category; use letters, digits and dashes."
            )
    return ("packages", "dev-packages", *own)


def _other_sections(document: Mapping[str, Any]) -> list[str]:
    known = (*NOT_CATEGORIES, "packages", "dev-packages")
    return [name for name, table in document.items() if name not in known and not _is_thoth_settings(name, table)]


def _is_thoth_settings(name: str, table: object) -> bool:
    """Whether this is the section that Thoth's client writes into each Pipfile: settings of its own, no packages."""
    return name == "thoth" and isinstance(table, Mapping) and table.keys() <= _THOTH_SETTINGS


def _category(category: str, table: Any) -> dict[str, Requirement]:
    if not isinstance(table, dict):
        raise PipfileError(f"[{category}] of the Pipfile must be a table of packages.")
    if len(table) > MAX_ENTRIES:
        raise PipfileError(f"[{category}] of the Pipfile has {len(table):,} entries; the limit is {MAX_ENTRIES:,}.")
    requirements: dict[str, Requirement] = {}
    for name, entry in table.items():
        requirement = _requirement(f"[{category}] {name[:80]}", name, entry)
        if requirement.key in requirements:
            raise PipfileError(f"[{category}] of the Pipfile names {requirement.key} twice; keep one entry.")
        requirements[requirement.key] = requirement
    return requirements


def _requirement(place: str, name: str, entry: Any) -> Requirement:
    if not _NAME.fullmatch(name) or len(name) > 200:
        hint = "write extras = [...] in its entry" if "[" in name else "names have letters, digits, '.', '-' and '_'"
        raise PipfileError(f"{place!r} of the Pipfile is not a package name; {hint}.")
    if isinstance(entry, str):
        return Requirement(name, _specifier(place, entry), (), "", "", "", entry)
    if not isinstance(entry, dict):
        raise PipfileError(f'{place} of the Pipfile must be a version such as "*" or a table, not {entry!r:.80}.')
    extras = entry.get("extras", [])
    if not isinstance(extras, list) or not all(isinstance(e, str) and _NAME.fullmatch(e) for e in extras):
        raise PipfileError(f"{place}: extras must be a list of names.")
    index = entry.get("index", "")
    if not isinstance(index, str):
        raise PipfileError(f"{place}: index must be the name of a [[source]].")
    unresolved = next((key for key in _NOT_RESOLVED if entry.get(key)), "")
    specifier = "" if unresolved else _specifier(place, entry.get("version", "*"))
    return Requirement(name, specifier, tuple(extras), _markers(place, entry), index, unresolved, entry)


def _specifier(place: str, version: Any) -> str:
    if not isinstance(version, str):
        raise PipfileError(f'{place}: the version must be text such as ">=1.2", not {version!r:.80}.')
    written = version.strip()
    if written in ("", "*"):
        return ""
    if not _OPERATOR.match(written):
        written = f"=={written}"
    try:
        [Version(part.version) for part in SpecifierSet(written) if part.operator == "==="]  # uv reads no others
    except (InvalidSpecifier, InvalidVersion) as error:
        raise PipfileError(
            f'{place}: {version[:80]!r} is not a version specifier; write for example ">=1.2,<2".'
        ) from error
    return re.sub(r"\s+", "", written)


def _markers(place: str, entry: Mapping[str, Any]) -> str:
    """The conditions of an entry in one marker; pipenv leaves a lone `os_name` key out of what it resolves."""
    conditions = [entry["markers"]] if entry.get("markers") else []
    conditions += [f"{key} {entry[key]}" for key in MARKER_KEYS if key in entry and key != "os_name"]
    try:
        parsed = sorted({str(Marker(condition)) for condition in conditions if isinstance(condition, str)})
        [Marker(f"os_name {entry['os_name']}") for _ in range("os_name" in entry)]
    except InvalidMarker as error:
        raise PipfileError(f"{place}: {str(conditions)[:120]} is not a marker (PEP 508).") from error
    if len(parsed) < 2:
        return "".join(parsed)
    return " and ".join(f"({marker})" for marker in parsed)


def _sources(document: Mapping[str, Any], allowed_hosts: frozenset[str]) -> tuple[Source, ...]:
    written = document.get("source", [DEFAULT_SOURCE])
    written = [written] if isinstance(written, dict) else written
    if not isinstance(written, list) or not written or not all(isinstance(s, dict) for s in written):
        raise PipfileError("[[source]] of the Pipfile must be a list of tables with url, name and verify_ssl.")
    sources = tuple(_source(source, allowed_hosts) for source in written)
    if len({source.name for source in sources}) != len(sources):
        raise PipfileError("Two [[source]] of the Pipfile have the same name; give each its own.")
    return sources


def _source(source: Mapping[str, Any], allowed_hosts: frozenset[str]) -> Source:
    url, name = source.get("url"), source.get("name", "")
    if not isinstance(url, str) or not isinstance(name, str):
        raise PipfileError('A [[source]] of the Pipfile has no url; write url = "https://…/simple".')
    refuse_url(url, f"[[source]] {name or url[:80]}", allowed_hosts)
    verify = str(source.get("verify_ssl", True)).lower() == "true"
    host = urlsplit(url).hostname or ""
    if not verify and host not in allowed_hosts:
        raise PipfileError(f"[[source]] {name} turns verify_ssl off, so anybody could answer for {host}; turn it on.")
    return Source(name or host.replace(".", "-"), url, verify)


def refuse_url(url: str, place: str, allowed_hosts: frozenset[str]) -> None:
    """Raise PipfileError for an index address that is not whole, not https, private, or asks for a variable."""
    if "$" in url or "%(" in url:
        raise PipfileError(f"{place} has a variable in its url; Bolide expands none, so that no secret can leave.")
    if len(url) > 2_000 or any(not 33 <= ord(letter) < 127 or letter == "\\" for letter in url):
        raise PipfileError(f"{place}: the url has spaces, control characters, backslashes or letters outside ASCII.")
    shown = re.sub(r"//.*@", "//", url)[:80]  # without a password
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        raise PipfileError(f"{place}: {shown!r} is not a url.") from error
    if host in allowed_hosts and parts.scheme in ("http", "https"):
        return
    if parts.scheme != "https" or not host:
        raise PipfileError(f"{place}: {shown!r} is refused; an index must be read over https.")
    if is_private(host):
        raise PipfileError(f"{place}: {host} is a private address; the operator can allow it by name.")


def is_private(host: str) -> bool:
    """Whether a host points inside: a private address in any spelling, a local name, or what is no host at all."""
    host = host.rstrip(".").lower()
    if ":" in host or _NUMERIC_END.search(host):
        return not _is_global(host)
    return not _HOST.fullmatch(host) or host.endswith((".localhost", ".local", ".internal", ".localdomain"))


def _is_global(host: str) -> bool:
    """Whether this is the usual spelling of a public address; one inside of another is not looked for, but refused."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False  # short, octal or hexadecimal, it hides where it points
    hidden = isinstance(address, ipaddress.IPv6Address) and (
        address.scope_id is not None or any(address in network for network in _EMBEDDING)
    )
    return address.is_global and not address.is_multicast and not hidden


def _check_indexes(categories: Mapping[str, Mapping[str, Requirement]], sources: tuple[Source, ...]) -> None:
    names = {source.name for source in sources}
    for category, requirements in categories.items():
        for requirement in requirements.values():
            if requirement.index and requirement.index not in names:
                raise PipfileError(
                    f"[{category}] {requirement.name} asks for index {requirement.index[:80]!r}, "
                    f"which no [[source]] declares; the Pipfile has {', '.join(sorted(names))}."
                )


def pipfile_hash(pipfile: Pipfile, *, canonical_names: bool = True) -> str:
    """The sha256 that pipenv writes into `_meta.hash`.

    Today's pipenv hashes canonical package names; `canonical_names=False` is what plette and older versions do.
    """
    return document_hash(pipfile.document, canonical_names=canonical_names)


def document_hash(document: Mapping[str, Any], *, canonical_names: bool = True) -> str:
    """The same of a Pipfile's document; raises PipfileError where it holds what pipenv cannot hash."""

    def section(name: str) -> Any:
        table = document.get(name, {})
        canonical = canonical_names and isinstance(table, Mapping)
        return {canonicalize_name(key): value for key, value in table.items()} if canonical else table

    content: dict[str, Any] = {
        "_meta": {"sources": document.get("source", [DEFAULT_SOURCE]), "requires": document.get("requires", {})},
        "default": section("packages"),
        "develop": section("dev-packages"),
    }
    content |= {name: section(name) for name in _other_sections(document)}
    try:
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    except TypeError as error:
        raise PipfileError("The Pipfile has a date among its packages or sources; write it as text.") from error
    return hashlib.sha256(text.encode()).hexdigest()


def python_of(pipfile: Pipfile) -> str:
    """The Python that [requires] names, "3.11" or "3.11.2", or empty where it names none or a range."""
    for key in ("python_full_version", "python_version"):
        value = pipfile.requires.get(key)
        if isinstance(value, str) and re.fullmatch(r"\d+\.\d+(?:\.\d+)?", value):
            return str(Version(value)) if value.count(".") == 2 else value
    return ""
