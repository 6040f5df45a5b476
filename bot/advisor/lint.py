"""What a rule must have: examples on both sides, versions that can exist, evidence, a day to look again."""

from collections.abc import Iterable, Mapping
from datetime import date

from bot.advisor.prescriptions import PackageMatch, Proof, Unit, applied, hindrance
from bot.core.advice import TYPES


def problems(units: Iterable[Unit], today: date, *, own: bool = False) -> tuple[str, ...]:
    """One sentence for each thing that is wrong with rules; only Bolide's `own` must have proof, others may."""
    found: list[str] = []
    names: set[tuple[str, str]] = set()
    for unit in units:
        place = f"{unit.file}: {unit.name}"
        if (unit.kind, unit.name) in names:
            found.append(f"{place} stands twice; give each unit of a kind a name of its own.")
        names.add((unit.kind, unit.name))
        if reason := hindrance(unit):
            found.append(f"{place} can never match: it {reason}.")
        if own and not unit.proof:
            found.append(f"{place} has no proof; give it `bolide` with evidence, a day to look again and examples.")
        if unit.proof:
            found += [f"{place} {problem}." for problem in _unproven(unit.proof, unit, today)]
    return tuple(found)


def _unproven(proof: Proof, unit: Unit, today: date) -> Iterable[str]:
    if not proof.evidence.startswith("https://"):
        yield "has no evidence; give the https address of a release note or an issue"
    if proof.recheck is None:
        yield "has no day on which to look again; give `recheck: YYYY-MM-DD`"
    elif proof.recheck <= today:
        yield f"was to be looked at again on {proof.recheck}; read its evidence and set a later day"
    if not proof.failing or not proof.passing:
        yield "lacks examples; give at least one failing and one passing stack"
    for told in sorted((unit.include.never | (unit.include.only or frozenset())) - set(TYPES)):
        yield f"names {told}, which is no recommendation type"
    yield from (
        f"does not apply to its failing example {_told(one)}" for one in proof.failing if not _speaks(unit, one)
    )
    yield from (f"applies to its passing example {_told(one)}" for one in proof.passing if _speaks(unit, one))


def _speaks(unit: Unit, example: Mapping[str, str]) -> bool:
    """Whether the unit applies to a stack, each package of which is on the index that the unit asks for."""
    homes = {match.name: _home(match) for group in unit.matches for match in group}
    return applied(unit, example, homes) is not None


def _home(match: PackageMatch) -> str:
    return f"not {match.index}" if match.not_index else match.index


def _told(example: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in example.items())
