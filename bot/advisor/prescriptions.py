"""Rules in Thoth's unit vocabulary: documents → units, and what keeps a unit from ever matching."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

UnitKind = Literal["boot", "pseudonym", "sieve", "step", "stride", "wrap"]
KINDS: tuple[UnitKind, ...] = ("boot", "pseudonym", "sieve", "step", "stride", "wrap")
_KNOWN = {"name", "type", "should_include", "match", "run", "bolide"}
_KNOWN_INCLUDE = {"adviser_pipeline", "dependency_monkey_pipeline", "recommendation_types", "runtime_environments"}
_HARMLESS_INCLUDE = {"times", "decision_types", "allowed_recommendation_types"}
_KNOWN_RUN = {"stack_info", "justification", "score", "not_acceptable", "eager_stop_pipeline", "log", "yield"}
_HARMLESS_RUN = {"multi_package_resolution", "match", "package_name"}
_PYTHONS = {"python_versions", "python_version"}
_TOLD_TYPES = ("stack_info", "justification")


@dataclass(frozen=True, slots=True)
class PackageMatch:
    """Which locked packages a unit means: an empty name or index is any, `not_index` turns the index round."""

    name: str
    specifier: str
    index: str
    not_index: bool


@dataclass(frozen=True, slots=True)
class Words:
    """What a unit says where it applies."""

    type: Literal["INFO", "WARNING", "ERROR"]
    message: str
    link: str


@dataclass(frozen=True, slots=True)
class Include:
    """When a unit is in the pipeline: `only`/`never` recommendation types (only: None for all), which Pythons.

    `untold` names conditions that Bolide cannot tell, such as hardware: a unit that has one never applies.
    """

    adviser: bool
    only: frozenset[str] | None
    never: frozenset[str]
    pythons: tuple[str, ...]
    untold: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What stands behind a rule of Bolide's own: evidence, the day to look again, stacks to which it applies or not."""

    evidence: str
    recheck: date | None
    failing: tuple[Mapping[str, str], ...]
    passing: tuple[Mapping[str, str], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit: any of `matches` suffices, each a group that must stand together, the first its subject.

    `refusal` says why what matched is not acceptable, or is empty; `yields` is the package that a pseudonym names.
    """

    kind: UnitKind
    name: str
    file: str
    include: Include
    matches: tuple[tuple[PackageMatch, ...], ...]
    words: tuple[Words, ...]
    score: float
    refusal: str
    yields: str
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class Book:
    """What a file of prescriptions came to; `remarks` name what was not understood."""

    units: tuple[Unit, ...]
    remarks: tuple[str, ...]


def read(document: object, file: str) -> Book:
    """The units of a decoded prescriptions file, whole (`apiVersion`, `kind`, `spec`) or a part (`units`)."""
    top = document if isinstance(document, Mapping) else {}
    spec = top.get("spec", top)
    units = spec.get("units") if isinstance(spec, Mapping) else None
    if not isinstance(units, Mapping) or top.get("kind", "prescription") != "prescription":
        return Book((), (f"{file}: there are no prescription units in it.",))
    found: list[Unit] = []
    remarks = [f"{file}: `{group}` is no kind of unit; it was left out." for group in units if group not in _GROUPS]
    for group, kind in _GROUPS.items():
        for told in units.get(group) or ():
            try:
                unit, odd = _unit(kind, told, file)
            except (TypeError, ValueError, AttributeError, KeyError) as problem:
                name = told.get("name", "?") if isinstance(told, Mapping) else "?"
                remarks.append(f"{file}: {kind} {name!s:.80} cannot be read ({problem!r:.120}); it was left out.")
            else:
                found.append(unit)
                remarks += [f"{file}: {unit.name}: `{key}` is not known; it was ignored." for key in odd]
    return Book(tuple(found), tuple(remarks))


_GROUPS: Mapping[str, UnitKind] = {f"{kind}s": kind for kind in KINDS}


def _unit(kind: UnitKind, told: Mapping[str, Any], file: str) -> tuple[Unit, list[str]]:
    """The unit, and the keys in it that mean nothing here."""
    run = told.get("run") or {}
    include = told.get("should_include") or {}
    match = told.get("match", run.get("match"))
    words = tuple(_words(item) for place in _TOLD_TYPES for item in run.get(place) or ())
    unit = Unit(
        kind,
        str(told["name"]),
        file,
        _include(include),
        tuple(_groups(match)),
        words,
        float(run.get("score") or 0),
        str(run.get("not_acceptable") or run.get("eager_stop_pipeline") or ""),
        _yielded(run.get("yield")),
        _proof(told["bolide"]) if "bolide" in told else None,
    )
    odd = [*(told.keys() - _KNOWN), *(f"run.{key}" for key in run.keys() - _KNOWN_RUN - _HARMLESS_RUN)]
    return unit, sorted(odd)


def _include(told: Mapping[str, Any]) -> Include:
    types = told.get("recommendation_types")
    only, never = (None, types["not"]) if isinstance(types, Mapping) else (types, ())
    environment = told.get("runtime_environments") or {}
    untold = sorted({*(told.keys() - _KNOWN_INCLUDE - _HARMLESS_INCLUDE), *(environment.keys() - _PYTHONS)})
    if told.get("times") == 0:
        untold.append("times")
    return Include(
        told.get("adviser_pipeline") is True,
        None if only is None else frozenset(map(str, only)),
        frozenset(map(str, never)),
        tuple(_pythons(environment)),
        tuple(untold),
    )


def _pythons(environment: Mapping[str, Any]) -> Iterable[str]:
    """Specifiers of which any suffices; none for every Python."""
    listed = environment.get("python_versions") or ()
    if isinstance(listed, Mapping):
        listed = [",".join(f"!={version}.*" for version in listed["not"])]
    else:
        listed = [f"=={version}.*" for version in listed]
    spelled = environment.get("python_version")
    for specifier in (*listed, *([spelled] if spelled else ())):
        yield str(SpecifierSet(str(specifier)))


def _groups(match: Any) -> Iterable[tuple[PackageMatch, ...]]:
    """Each alternative of a match; no match at all is the empty group, which stands in every stack."""
    if match is None:
        yield ()
        return
    for told in match if isinstance(match, list) else [match]:
        standing = (told.get("state") or {}).get("resolved_dependencies") or ()
        state = [_package(item) for item in ([standing] if isinstance(standing, Mapping) else standing)]
        if "group" in told:
            members = [_package(item["package_version"]) for item in told["group"]]
        elif "package_version" in told:
            members = [_package(told["package_version"])]
        else:
            members = [_package({"name": told["package_name"]})] if "package_name" in told else []
        yield (*members, *state)


def _package(told: Mapping[str, Any]) -> PackageMatch:
    index = told.get("index_url") or ""
    turned = isinstance(index, Mapping)
    name = told.get("name")
    return PackageMatch(
        canonicalize_name(str(name)) if name else "",
        str(SpecifierSet(_specifier(told.get("version")))),
        str(index["not"] if isinstance(index, Mapping) else index).rstrip("/"),
        turned,
    )


def _specifier(told: object) -> str:
    text = "" if told in (None, "*") else str(told)
    return f"=={text}" if text[:1].isdigit() else text


def _words(told: Mapping[str, Any]) -> Words:
    kind = told["type"]
    if kind not in ("INFO", "WARNING", "ERROR"):
        raise ValueError(f"{kind} is no type of message")
    return Words(kind, str(told["message"]), str(told.get("link") or ""))


def _yielded(told: Any) -> str:
    return canonicalize_name(str(told["package_version"]["name"])) if told else ""


def _proof(told: Mapping[str, Any]) -> Proof:
    recheck = told.get("recheck")
    examples = told.get("examples") or {}
    return Proof(
        str(told.get("evidence") or ""),
        recheck if recheck is None or isinstance(recheck, date) else date.fromisoformat(str(recheck)),
        tuple(_example(item) for item in examples.get("failing") or ()),
        tuple(_example(item) for item in examples.get("passing") or ()),
    )


def _example(told: Mapping[str, Any]) -> dict[str, str]:
    return {canonicalize_name(str(name)): str(Version(str(version))) for name, version in told.items()}


def includes(include: Include, recommendation: str, python: str) -> bool:
    """Whether a unit is in the pipeline for a recommendation type and a Python version."""
    if not include.adviser or include.untold or recommendation in include.never:
        return False
    if include.only is not None and recommendation not in include.only:
        return False
    short = ".".join(python.split(".")[:2])  # as in Thoth's environments: "==3.8" is any 3.8
    return not include.pythons or any(SpecifierSet(told).contains(short, prereleases=True) for told in include.pythons)


def applied(unit: Unit, pins: Mapping[str, str], homes: Mapping[str, str]) -> tuple[str, ...] | None:
    """The names of the packages that a unit matches in a stack, its subject first; None where it does not apply."""
    found = (_standing(group, pins, homes) for group in unit.matches)
    return next((names for names in found if names is not None), None)


def _standing(
    group: tuple[PackageMatch, ...], pins: Mapping[str, str], homes: Mapping[str, str]
) -> tuple[str, ...] | None:
    names: list[str] = []
    for match in group:
        wanted = [match.name] if match.name else sorted(pins)
        name = next(
            (name for name in wanted if name in pins and is_meant(match, pins[name], homes.get(name, ""))), None
        )
        if name is None:
            return None
        names.append(name)
    return tuple(names)


def is_meant(match: PackageMatch, version: str, home: str) -> bool:
    """Whether a version of the package, from the index at `home`, is meant."""
    fits = not match.specifier or SpecifierSet(match.specifier).contains(version, prereleases=True)
    return fits and (not match.index or (home.rstrip("/") == match.index) != match.not_index)


def hindrance(unit: Unit) -> str:
    """Why a unit can never apply here, as the rest of a sentence, or "" where it can."""
    if not unit.include.adviser:
        return "is not meant for the adviser (adviser_pipeline is not true)"
    if unit.include.untold:
        return f"depends on {', '.join(unit.include.untold)}, which Bolide cannot tell"
    if unit.include.only is not None and not unit.include.only:
        return "is meant for no recommendation type"
    if unit.include.pythons and not any(satisfiable(told) for told in unit.include.pythons):
        return "is meant for no Python"
    if not any(all(satisfiable(match.specifier) for match in group) for group in unit.matches):
        return "asks for versions that cannot exist"
    return ""


def satisfiable(specifier: str) -> bool:
    """Whether some version is in the specifier: the ends of its ranges, what lies beside them and between are tried."""
    try:
        clauses = SpecifierSet(specifier)
    except InvalidSpecifier:
        return False
    tried = {"0", "99999"}
    for clause in clauses:
        version = Version(clause.version.removesuffix(".*"))
        tried |= {str(version), f"{version.public}.post99999" if not version.is_postrelease else str(version)}
        release = version.release
        parts = ".".join(map(str, release))
        below = ".".join(map(str, (*release[:-1], max(0, release[-1] - 1), 99999)))
        above = ".".join(map(str, (*release[:-1], release[-1] + 1)))
        epoch = f"{version.epoch}!" if version.epoch else ""
        tried |= {f"{epoch}{text}" for text in (parts, f"{parts}.0.1", f"{parts}.99999", f"{parts}.dev0", below, above)}
    return any(clauses.contains(version, prereleases=True) for version in tried)
