"""What is looked at for the provenance of a lock, from its text and that of the file that declares it, by kind."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.advisor.provenance import DeclaredSource, Finding, Locked, Subject, shown
from bot.core import lockfile, pipfile, requirementstxt, uvproject
from bot.core.environments import Environment
from bot.core.errors import Refused
from bot.core.pipfile import DEFAULT_SOURCE, PipfileError

MOST_SOURCES = 8
_INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links")


def subject(environment: Environment, manifest: str, lock: str, allowed_hosts: frozenset[str] = frozenset()) -> Subject:
    """What is looked at; hosts in `allowed_hosts` may be private or without TLS. Raises Refused."""
    try:
        match environment.kind:
            case "pipfile":
                found = of_pipfile(manifest, lock, allowed_hosts)
            case "requirements":
                found = of_requirements(environment, manifest, lock, allowed_hosts)
            case _:
                found = of_uv(environment, manifest, lock, allowed_hosts)
    except ValueError as problem:
        raise Refused(str(problem)) from problem
    if len(found.sources) > MOST_SOURCES:
        raise Refused(
            f"{_begun(found.manifest)} has {len(found.sources)} sources; "
            f"the provenance of at most {MOST_SOURCES} is looked at."
        )
    return found


def of_pipfile(manifest: str, lock: str, allowed_hosts: frozenset[str] = frozenset()) -> Subject:
    """A Pipfile.lock beside its Pipfile; raises PipfileError or ValueError."""
    wanted = pipfile.read_document(manifest)
    told = wanted.get("source", [DEFAULT_SOURCE])
    told = [told] if isinstance(told, Mapping) else told
    if not isinstance(told, list) or not all(isinstance(source, Mapping) for source in told):
        raise PipfileError("[[source]] of the Pipfile must be a list of tables with url, name and verify_ssl.")
    sources = tuple(
        _declared(
            str(source.get("name", "")),
            str(source.get("url", "")),
            f"[[source]] {str(source.get('name', ''))[:80]}",
            allowed_hosts,
            tls=str(source.get("verify_ssl", True)).lower() == "true",
        )
        for source in told
    )
    hashes = (pipfile.document_hash(wanted, canonical_names=canonical) for canonical in (True, False))
    return of_lock(lockfile.parse(lock), sources, hashes)


def of_lock(lock: Mapping[str, Any], sources: tuple[DeclaredSource, ...], hashes: Iterable[str]) -> Subject:
    """The document of a Pipfile.lock; `hashes` are those that a lock of its Pipfile may tell."""
    found = [*_lock_hash(lock, frozenset(hashes)), *_undeclared(lock, sources), *_elsewhere(lock)]
    return Subject("the Pipfile", sources, locked_packages(lock, sources), tuple(found))


def locked_packages(lock: Mapping[str, Any], sources: tuple[DeclaredSource, ...]) -> tuple[Locked, ...]:
    """Every pinned package once for each different entry, in the order of its name; the first source is the default."""
    default = sources[0].name if sources else ""
    found = set()
    for section in lockfile.sections(lock).values():
        for name, entry in section.items():
            if str(entry.get("version", "*")) != "*":
                index = entry.get("index", "")
                found.add(
                    _locked(name, str(entry["version"]), entry.get("hashes", ()), index or default, named=bool(index))
                )
    return _ordered(found)


def of_requirements(
    environment: Environment, manifest: str, lock: str, allowed_hosts: frozenset[str] = frozenset()
) -> Subject:
    """A requirements.txt beside its requirements.in; raises ValueError naming place and line."""
    place, declaring = environment.lock, environment.manifest
    entries = requirementstxt.pins(lock, place)
    wanted, told = requirementstxt.options(manifest), requirementstxt.options(lock)
    trusted = {value.partition(":")[0] for option, value in (*wanted, *told) if option == "--trusted-host"}
    urls = _index_urls(wanted) or (str(DEFAULT_SOURCE["url"]),)
    sources = tuple(_source(url, declaring, allowed_hosts, trusted) for url in urls)
    found = [
        _stranger(place, url, declaring)
        for url in _index_urls(told)
        if url.rstrip("/") not in {known.rstrip("/") for known in urls}
    ]
    hashed = any(entry["hashes"] for entry in entries.values())
    if entries and not hashed:
        said = f"{place} has no hashes, so nobody can tell its files from others; compile it with --generate-hashes."
        found.append(Finding("WARNING", "MISSING-ARTIFACT-HASH", said))
    packages = (_locked(n, e["version"], e["hashes"], sources[0].name, named=False) for n, e in entries.items())
    return Subject(declaring, sources, _ordered(packages), tuple(found), hashed=hashed)


def of_uv(environment: Environment, manifest: str, lock: str, allowed_hosts: frozenset[str] = frozenset()) -> Subject:
    """A uv.lock beside its pyproject.toml; raises PipfileError."""
    place, declaring = environment.lock, environment.manifest
    told = uvproject.packages(lock, place)
    urls, insecure = uvproject.index_urls(manifest, declaring)
    sources = tuple(_source(url, declaring, allowed_hosts, insecure) for url in urls)
    names = {url.rstrip("/"): source.name for url, source in zip(urls, sources, strict=True)}
    packages, strangers, elsewhere = [], {}, []
    for each in told:
        source = each["source"]
        if "registry" in source:
            home = str(source["registry"])
            if home.rstrip("/") not in names:
                strangers[home] = _stranger(place, home, declaring)
            files = [*each.get("wheels", ()), *([each["sdist"]] if "sdist" in each else [])]
            hashes = [str(file["hash"]) for file in files if "hash" in file]
            index = names.get(home.rstrip("/"), shown(home))
            packages.append(_locked(each["name"], str(each.get("version", "")), hashes, index, named=True))
        elif not {"virtual", "editable"} & source.keys():
            elsewhere.append(_from_no_index(canonicalize_name(each["name"])))
    return Subject(declaring, sources, _ordered(packages), (*strangers.values(), *elsewhere))


def _index_urls(told: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The addresses from which the options of a requirements file have packages taken, the default index first."""
    found = [(option in ("-i", "--index-url"), value) for option, value in told if option in _INDEX_OPTIONS and value]
    return tuple(dict.fromkeys(value for _, value in sorted(found, key=lambda each: not each[0])))


def _source(url: str, place: str, allowed_hosts: frozenset[str], insecure: Iterable[str]) -> DeclaredSource:
    """A source that has no name of its own: PyPI is called so, others by their address."""
    name = str(DEFAULT_SOURCE["name"]) if url.rstrip("/") == DEFAULT_SOURCE["url"] else shown(url)
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
    return _declared(name, url, place, allowed_hosts, tls=host not in insecure)


def _declared(name: str, url: str, place: str, allowed_hosts: frozenset[str], *, tls: bool) -> DeclaredSource:
    verified = tls and url.startswith("https://")
    try:
        pipfile.refuse_url(url, place, allowed_hosts)
    except PipfileError as error:
        return DeclaredSource(name, url, verified, str(error).removesuffix("."))
    return DeclaredSource(name, url, verified)


def _locked(name: str, version: str, hashes: Iterable[Any], index: str, *, named: bool) -> Locked:
    digests = frozenset(str(digest).removeprefix("sha256:") for digest in hashes)
    return Locked(canonicalize_name(name), _normal(version.lstrip("=")), digests, index, named)


def _ordered(found: Iterable[Locked]) -> tuple[Locked, ...]:
    return tuple(sorted(found, key=lambda one: (one.name, one.version, one.index, sorted(one.hashes))))


def _normal(version: str) -> str:
    """The version as indexes are read: in PEP 440's normal form where it has one."""
    try:
        return str(Version(version))
    except InvalidVersion:
        return version


def _lock_hash(lock: Mapping[str, Any], expected: frozenset[str]) -> Iterator[Finding]:
    if (told := lockfile.locked_hash(lock)) not in expected:
        shown = f"{told[:12]}…" if told else "no hash"
        yield Finding("ERROR", "INVALID-LOCK-HASH", f"Pipfile.lock was made for another Pipfile ({shown}); lock again.")


def _undeclared(lock: Mapping[str, Any], sources: tuple[DeclaredSource, ...]) -> Iterator[Finding]:
    """Sources that stand in the lock only: the Pipfile's hash does not tell, but installers ask them."""
    declared = {(source.name, source.url.rstrip("/")) for source in sources}
    told = lock["_meta"].get("sources")
    for source in told if isinstance(told, list) else []:
        name, url = (str(source.get(key, "")) for key in ("name", "url")) if isinstance(source, dict) else ("", "")
        if (name, url.rstrip("/")) not in declared:
            yield _stranger("Pipfile.lock", url, "the Pipfile", name)


def _stranger(lock: str, url: str, manifest: str, name: str = "") -> Finding:
    where = f"{name} ({shown(url)})" if name else shown(url) or "a source"
    sentence = f"{lock} takes packages from {where}, which {manifest} does not declare."
    return Finding("ERROR", "SOURCE-NOT-WHITELISTED", sentence, source=name or shown(url))


def _elsewhere(lock: Mapping[str, Any]) -> Iterator[Finding]:
    """Entries that come from no index, of which nothing can be checked."""
    sections = lockfile.sections(lock).values()
    names = {
        canonicalize_name(name) for section in sections for name, entry in section.items() if "version" not in entry
    }
    yield from (_from_no_index(name) for name in sorted(names))


def _from_no_index(name: str) -> Finding:
    return Finding("INFO", "NOT-FROM-AN-INDEX", f"{name} comes from no index, so nothing was checked.", name)


def _begun(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
