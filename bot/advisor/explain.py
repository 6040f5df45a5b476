"""Why: justification rows for a lock, the fixes that it needs, and why one package is where it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from bot.advisor.knowledge import Knowledge, Stack, parsed, within
from bot.advisor.policy import Policy
from bot.advisor.prescriptions import Unit, applied, includes
from bot.advisor.sieves import Sifted, candidate, newer, sift
from bot.core.advice import Fix, Row, RowType
from bot.core.advisories import Advisory, Checked, NotChecked, affects, first_unaffected, fixed_in
from bot.core.candidates import unusable
from bot.core.changes import Change
from bot.core.packages import HeldBack, Only, Resolution, ResolveRequest
from bot.core.steering import Ignored, covers, reason
from bot.core.uvproject import linux

_GRAVE = frozenset({"vulnerable", "gone"})
_LIGHT = frozenset({"too new", "requires-python", "no wheel", "wrong index"})


def fixes(stack: Stack, knowledge: Knowledge) -> tuple[Fix, ...]:
    """The packages of a lock that need another version for safety; the cooldown does not count for these."""
    found = []
    for name, version in sorted(stack.pins.items()):
        about = knowledge.about(name)
        told = [advisory for advisory in about if affects(advisory, name, version)]
        if told:
            minimum = first_unaffected(about, name, version, _usable(name, knowledge)) or ""
            ids = tuple(advisory.id for advisory in told)
            found.append(Fix(name, version, minimum, ids, _fix(name, version, minimum, ids), told[0].link))
    return tuple(found)


def secured(request: ResolveRequest, told: Iterable[Fix], *, at_least: bool = False) -> ResolveRequest:
    """The request that moves the packages with fixes alone, each to its first safe version (or `at_least` to that)."""
    wanted = [fix for fix in told if fix.minimum]
    lines = tuple(f"{fix.package}{'>=' if at_least else '=='}{fix.minimum}" for fix in wanted)
    names = frozenset(fix.package for fix in wanted)
    return replace(
        request,
        upgrade=Only(names),
        constraints=(*request.constraints, *lines),
        exempt=request.exempt | names,
    )


def _usable(name: str, knowledge: Knowledge) -> list[str]:
    versions = ((str(version), candidate(name, str(version), knowledge)) for version in knowledge.versions(name))
    return [version for version, one in versions if not unusable(one.files, knowledge.target)]


def _fix(name: str, version: str, minimum: str, ids: tuple[str, ...]) -> str:
    named = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    remedy = f"{minimum} is the first version without them" if minimum else "no version without them can be installed"
    return f"{name} {version} is affected by {named}; {remedy}."


def rows(stack: Stack, knowledge: Knowledge, policy: Policy) -> tuple[Row, ...]:
    """All that is to be said of a lock: what was not checked, what sieves hold back, where rules apply."""
    unread = [
        Row("WARNING", f"{name} {version}: not checked, the index has no page of it.", "", name, "", knowledge.day)
        for name, version in sorted(stack.pins.items())
        if name not in knowledge.projects
    ]
    return (*unread, *warnings(stack, knowledge, policy))


def warnings(stack: Stack, knowledge: Knowledge, policy: Policy) -> tuple[Row, ...]:
    """What speaks against a lock, of the packages whose pages are known, and where rules apply."""
    found = [_unchecked(knowledge.advisories, knowledge)] if isinstance(knowledge.advisories, NotChecked) else []
    for name, version in sorted(stack.pins.items()):
        held = sift(candidate(name, version, knowledge), knowledge, policy) if name in knowledge.projects else None
        if held:
            found.append(Row(_type(held), f"{name} {version}: {held.reason}.", held.link, name, held.source, held.date))
    for unit in knowledge.rules:
        if unit.kind != "sieve" and includes(unit.include, policy.type, knowledge.target.python):
            pins = {name: stack.pins[name] for name in stack.direct} if unit.kind == "boot" else stack.pins
            names = applied(unit, pins, knowledge.homes)
            found += _of_rule(unit, names) if names is not None else []
    return tuple(found)


def _unchecked(told: NotChecked, knowledge: Knowledge) -> Row:
    return Row("WARNING", checked(told), "", "", "", knowledge.day)


def _type(held: Sifted) -> RowType:
    if held.sieve in _GRAVE:
        return "ERROR"
    return "INFO" if held.sieve in _LIGHT else "WARNING"


def _of_rule(unit: Unit, names: tuple[str, ...]) -> list[Row]:
    day = f"recheck {unit.proof.recheck}" if unit.proof and unit.proof.recheck else "undated"
    package, source = names[0] if names else "", f"rule {unit.name}"
    told = [Row(words.type, words.message, words.link, package, source, day) for words in unit.words]
    if unit.refusal and not any(words.message == unit.refusal for words in unit.words):
        link = next((words.link for words in unit.words), "")
        told.append(Row("ERROR", unit.refusal, link, package, source, day))
    if unit.yields:
        told.append(Row("INFO", f"{unit.yields} can stand in for {package}.", "", package, source, day))
    return told


def moved(changes: Iterable[Change], held_back: Iterable[HeldBack], knowledge: Knowledge) -> tuple[Row, ...]:
    """A row for each package that the recommendation moves or keeps below the newest release."""
    found = []
    for change in changes:
        home = knowledge.homes.get(change.name, "")
        step = f"{change.old or '(new)'} → {change.new or '(gone)'}"
        said = f"{change.name} {step}: {'the project names it' if change.direct else 'others require it'}."
        found.append(Row("WARNING", said, _page(home, change.name), change.name, home, knowledge.day))
    for held in held_back:
        home = knowledge.homes.get(held.name, "")
        said = f"{held.name} stays at {held.current}, {held.latest} is out: {held.reason}."
        found.append(Row("INFO", said, _page(home, held.name), held.name, home, knowledge.day))
    return tuple(found)


def _page(home: str, name: str) -> str:
    return f"{home.rstrip('/')}/{name}/" if home else ""


@dataclass(frozen=True, slots=True)
class Parent:
    """A locked package that asks for another one, and with which specifier (empty: any version)."""

    name: str
    version: str
    specifier: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of how a package came into the lock: the project's own specifiers by category, and the parents.

    `ignored` is what the owner wants ignored of any package.
    """

    own: Mapping[str, str]
    parents: tuple[Parent, ...]
    ignored: tuple[Ignored, ...] = ()


def asks(lines: Iterable[str], child: str, python: str) -> str | None:
    """The specifier with which Requires-Dist lines ask for a package without extras, on Linux; None for no asking."""
    found = []
    for line in lines:
        try:
            told = Requirement(line)
        except InvalidRequirement:
            continue
        holds = told.marker is None or told.marker.evaluate({**linux(python), "extra": ""})
        if canonicalize_name(told.name) == child and holds:
            found.append(str(told.specifier))
    return ",".join(filter(None, found)) if found else None


def explain(name: str, version: str, wanted: Wanted, knowledge: Knowledge, policy: Policy) -> tuple[str, ...]:
    """Why a package is locked at its version, and what keeps it from each of the three newest releases."""
    lines = [f"{name} is locked at {version}, as of {knowledge.day}."]
    lines += [f"The project asks for it in [{place}]: {told or 'any version'}." for place, told in wanted.own.items()]
    lines += [f"{p.name} {p.version} requires it: {p.specifier or 'any version'}." for p in wanted.parents]
    if not wanted.own and not wanted.parents:
        lines.append("Nothing that is known asks for it: the lock may be older than its Pipfile.")
    if name not in knowledge.projects:
        return (*lines, "The index has no page of it that could be read: whether there are newer releases is unknown.")
    held = sift(candidate(name, version, knowledge), knowledge, policy)
    lines.append(
        f"Against the locked version: {held.reason} ({held.source}, {held.date})." if held else _clear(knowledge)
    )
    above = newer(name, version, knowledge)
    if not above:
        lines.append("It is the newest final release.")
    lines += [f"{later} is not locked: {_against(name, later, wanted, knowledge, policy)}." for later in above[:-4:-1]]
    more = len(above) - 3
    return (*lines, f"… and {more} more releases between.") if more > 0 else tuple(lines)


def _clear(knowledge: Knowledge) -> str:
    if isinstance(knowledge.advisories, NotChecked):
        return f"Nothing speaks against the locked version; advisories: not checked. {knowledge.advisories.reason}"
    told = knowledge.advisories
    source = f"{told.source} as of {told.as_of:%Y-%m-%d}"
    return f"Nothing speaks against the locked version; no advisory of {source} affects it."


def _against(name: str, version: str, wanted: Wanted, knowledge: Knowledge, policy: Policy) -> str:
    """What speaks against a release: the project's own word, a parent's, a sieve's; else that nothing known does."""
    for place, told in wanted.own.items():
        if not within(version, told):
            return f"the project asks for {told} in [{place}]"
    for parent in wanted.parents:
        if not within(version, parent.specifier):
            return f"{parent.name} {parent.version} asks for {parent.specifier}"
    told = next((reason(each) for each in wanted.ignored if covers(each, name, version)), "")
    if told:
        return told
    held = sift(candidate(name, version, knowledge), knowledge, policy)
    if held:
        return f"{held.reason} ({held.source}, {held.date})"
    return "nothing known speaks against it; an update can take it"


def reasons(before: Stack, after: Stack, knowledge: Knowledge) -> dict[str, str]:
    """For each package that left a vulnerable or yanked version, what its move is good for."""
    found: dict[str, str] = {}
    for name, version in sorted(after.pins.items()):
        old = before.pins.get(name, version)
        told = [one for one in knowledge.about(name) if affects(one, name, old) and not affects(one, name, version)]
        files = candidate(name, old, knowledge).files
        if old != version and told:
            found[name] = "fixes " + ", ".join(_told(one, name, old) for one in told[:5])
            found[name] += f" and {len(told) - 5} more" if len(told) > 5 else ""
        elif old != version and files and all(file.yanked for file in files):
            found[name] = f"{old} was yanked from the index"
    return found


def _told(advisory: Advisory, name: str, version: str) -> str:
    fixed = fixed_in(advisory, name, version)
    return f"{advisory.id} (fixed in {fixed})" if fixed else advisory.id


def held_back(
    found: Resolution, avoided: Mapping[str, tuple[Sifted, ...]], pins: Mapping[str, str]
) -> tuple[HeldBack, ...]:
    """What the resolver held back, in the sieve's words where a sieve was the reason, and what sieves held back."""
    told = {held.name: held for held in found.held_back}
    for name, sifted in avoided.items():
        newest = max(sifted, key=lambda one: parsed(one.version) or _NONE)
        current = parsed(pins.get(name, ""))
        higher = current is not None and (parsed(newest.version) or _NONE) > current
        if higher and (name not in told or told[name].latest == newest.version):
            reason = f"{newest.reason} ({newest.source}, {newest.date})"
            told[name] = HeldBack(name, str(current), newest.version, reason)
    return tuple(told[name] for name in sorted(told))


_NONE = Version("0.dev0")


def checked(told: Checked | NotChecked) -> str:
    """What came of checking for advisories, in a sentence."""
    if isinstance(told, NotChecked):
        return f"Advisories: not checked. {told.reason}"
    return f"Advisories: checked with {told.source}, as of {told.as_of:%Y-%m-%d}."
