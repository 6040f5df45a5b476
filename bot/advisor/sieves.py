"""What keeps a release from being recommended: each sieve says why, from which source and of which day."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bot.advisor.knowledge import Knowledge, Stack, parsed
from bot.advisor.policy import Policy
from bot.advisor.prescriptions import Unit, applied, includes, is_meant
from bot.core.advisories import Checked, affects, fixed_in
from bot.core.candidates import aged, fits_python, fits_tags
from bot.core.packages import File


@dataclass(frozen=True, slots=True)
class Candidate:
    """A release that could be locked, with its files and the index that has them."""

    name: str
    version: str
    files: tuple[File, ...]
    index: str


@dataclass(frozen=True, slots=True)
class Sifted:
    """A release that a sieve held back; `excludes` where no resolution that can do without it may have it."""

    name: str
    version: str
    sieve: str
    reason: str
    link: str
    source: str
    date: str
    excludes: bool


Sieve = Callable[[Candidate, Knowledge, Policy], Sifted | None]


def sift(candidate: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    """What the first sieve that holds the candidate back says; None where it passes all of them."""
    return next((held for sieve in SIEVES if (held := sieve(candidate, knowledge, policy))), None)


def candidate(name: str, version: str, knowledge: Knowledge, index: str = "") -> Candidate:
    """A version of a package as the knowledge has it."""
    project = knowledge.projects.get(name)
    return Candidate(name, version, project.release(version) if project else (), index or knowledge.homes.get(name, ""))


def suspects(pins: Mapping[str, str], knowledge: Knowledge) -> frozenset[str]:
    """The pins of which the pages are needed to judge them: those with advisories, and those that rules speak of."""
    affected = {n for n, v in pins.items() if any(affects(advisory, n, v) for advisory in knowledge.about(n))}
    applying = (applied(unit, pins, knowledge.homes) for unit in knowledge.rules)
    return frozenset(affected).union(*(names for names in applying if names))


def sifted_versions(name: str, knowledge: Knowledge, policy: Policy) -> dict[str, Sifted]:
    """Every version of a package that may not be in a resolution that can do without it."""
    found = {str(v): sift(candidate(name, str(v), knowledge), knowledge, policy) for v in knowledge.versions(name)}
    return {version: held for version, held in found.items() if held and held.excludes}


@dataclass(frozen=True, slots=True)
class Hit:
    """What a resolution should do without: any of the options suffices, a package and its versions to leave out."""

    key: str
    options: tuple[tuple[str, tuple[Sifted, ...]], ...]


def exclusions(pins: Mapping[str, str], knowledge: Knowledge, policy: Policy) -> tuple[Hit, ...]:
    """The pins that sieves leave out of every resolution that can do without, and the company that rules refuse."""
    found = []
    for name, version in sorted(pins.items()):
        held = sift(candidate(name, version, knowledge), knowledge, policy)
        if held and held.excludes:
            found.append(Hit(name, ((name, tuple(sifted_versions(name, knowledge, policy).values())),)))
    for unit, names in refusals(Stack(pins, frozenset()), knowledge, policy):
        options = ((name, tuple(_refused(unit, name, knowledge))) for name in names)
        found.append(Hit(f"rule {unit.name}", tuple(option for option in options if option[1])))
    return tuple(found)


def constraint(name: str, held: Iterable[Sifted]) -> str:
    """The line that keeps the versions out of a resolution."""
    return name + ",".join(f"!={one.version}" for one in held)


def refusals(stack: Stack, knowledge: Knowledge, policy: Policy) -> list[tuple[Unit, tuple[str, ...]]]:
    """The rules that do not accept what stands together, with the packages' names, the one to move first."""
    found = []
    for unit in knowledge.rules:
        if unit.refusal and unit.kind != "sieve" and includes(unit.include, policy.type, knowledge.target.python):
            names = applied(unit, stack.pins, knowledge.homes)
            found += [(unit, names)] if names else []
    return found


def _refused(unit: Unit, name: str, knowledge: Knowledge) -> Iterable[Sifted]:
    """Every version of a package that the rule means."""
    home = knowledge.homes.get(name, "")
    matches = [match for group in unit.matches for match in group]
    for version in map(str, knowledge.versions(name)):
        if any(match.name in ("", name) and is_meant(match, version, home) for match in matches):
            yield _by_rule(unit, name, version, unit.refusal)


def _by_rule(unit: Unit, name: str, version: str, reason: str) -> Sifted:
    link = next((words.link for words in unit.words if words.link), unit.proof.evidence if unit.proof else "")
    return Sifted(name, version, "rule", reason, link, f"rule {unit.name}", _rule_day(unit), excludes=True)


def _rule_day(unit: Unit) -> str:
    """A rule has no day but the one until which it was looked at."""
    return f"recheck {unit.proof.recheck}" if unit.proof and unit.proof.recheck else "undated"


def _no_files(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    if one.files or one.name not in knowledge.projects:
        return None
    return _held(one, "gone", "the index does not have it any more", knowledge, excludes=True)


def _yanked(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    if not one.files or not all(file.yanked for file in one.files):
        return None
    return _held(one, "yanked", "it was yanked from the index", knowledge, excludes=True)


def _too_new(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    if not (knowledge.cutoff and one.files) or aged(one.files, knowledge.cutoff):
        return None
    first = min(file.upload_time for file in one.files if file.upload_time)
    reason = f"it was released on {first:%Y-%m-%d}, after the cooldown's limit of {knowledge.cutoff:%Y-%m-%d}"
    return _held(one, "too new", reason, knowledge)


def _vulnerable(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    if not isinstance(knowledge.advisories, Checked):
        return None
    told = [advisory for advisory in knowledge.about(one.name) if affects(advisory, one.name, one.version)]
    if not told:
        return None
    named = ", ".join(f"{each.id} ({_fixed(fixed_in(each, one.name, one.version))})" for each in told[:5])
    more = f" and {len(told) - 5} more" if len(told) > 5 else ""
    day, source = knowledge.advisories.as_of.date().isoformat(), knowledge.advisories.source
    reason = f"it is affected by {named}{more}"
    return Sifted(one.name, one.version, "vulnerable", reason, told[0].link, source, day, excludes=True)


def _fixed(version: str) -> str:
    return f"fixed in {version}" if version else "no fixed version is known"


def _wrong_index(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    declared = knowledge.homes.get(one.name, one.index)
    if one.index.rstrip("/") == declared.rstrip("/"):
        return None
    return _held(one, "wrong index", f"it is on {one.index}, but the project takes it from {declared}", knowledge)


def _requires_python(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    present = [file for file in one.files if not file.yanked]
    if not present or any(fits_python(file, knowledge.target.python) for file in present):
        return None
    return _held(one, "requires-python", f"it needs Python {present[0].requires_python}", knowledge)


def _no_wheel(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    present = [file for file in one.files if not file.yanked]
    fitting = any(file.kind == "wheel" and fits_tags(file.filename, knowledge.target.tags) for file in present)
    if not present or fitting:
        return None
    return _held(one, "no wheel", "it needs a build: the index has no wheel of it for this platform", knowledge)


def _rule(one: Candidate, knowledge: Knowledge, policy: Policy) -> Sifted | None:
    for unit in knowledge.rules:
        meant = unit.kind == "sieve" and includes(unit.include, policy.type, knowledge.target.python)
        if meant and applied(unit, {one.name: one.version}, knowledge.homes):
            reason = (
                next((words.message for words in unit.words), unit.refusal) or f"the rule {unit.name} leaves it out"
            )
            return _by_rule(unit, one.name, one.version, reason)
    return None


def _held(one: Candidate, sieve: str, reason: str, knowledge: Knowledge, *, excludes: bool = False) -> Sifted:
    source = knowledge.homes.get(one.name, one.index)
    link = f"{source.rstrip('/')}/{one.name}/" if source else ""
    return Sifted(one.name, one.version, sieve, reason, link, source, knowledge.day, excludes)


SIEVES: tuple[Sieve, ...] = (
    _no_files,
    _yanked,
    _vulnerable,
    _rule,
    _wrong_index,
    _requires_python,
    _no_wheel,
    _too_new,
)


def newer(name: str, version: str, knowledge: Knowledge) -> tuple[str, ...]:
    """The final releases of a package above a version, smallest first."""
    base = parsed(version)
    told = (found for found in knowledge.versions(name) if not found.is_prerelease)
    return tuple(str(found) for found in told if base is None or found > base)
