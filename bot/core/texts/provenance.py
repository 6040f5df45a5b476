"""What is told of the provenance of locks: the check run, the answer to a command, and the one issue."""

import re
from dataclasses import dataclass
from typing import Literal

from bot.core.attestations import Artefact, NotVerified, Unchecked, Verified
from bot.core.texts.markdown import bounded, count, fitting, harmless, table

CHECK = "Bolide provenance"
LABEL = "bolide-provenance"
TITLE = "Provenance of the locked packages"
_SYMBOLS = {"ERROR": "🛑", "WARNING": "⚠️", "INFO": "💬"}
_MARK = re.compile(r"<!-- bolide:provenance clean=(?P<clean>yes|no) -->")
_HEAD = ("", "code", "what")
_TABLE_CHARACTERS = 40_000
_VERDICTS = (Verified, NotVerified, Unchecked)


@dataclass(frozen=True, slots=True)
class Said:
    """One finding: how grave, its code, its sentence."""

    type: Literal["ERROR", "WARNING", "INFO"]
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found about one lock: packages in all, the files that their indexes have; or why it was not checked."""

    lock: str
    findings: tuple[Said, ...] = ()
    packages: int = 0
    artefacts: tuple[Artefact, ...] = ()
    trouble: str = ""

    @property
    def grave(self) -> bool:
        """Whether something is wrong, not only unknown or worth knowing."""
        return any(finding.type == "ERROR" for finding in self.findings)

    @property
    def alarming(self) -> bool:
        """Whether something is wrong with a file; a lock of an older Pipfile is what the next update renews."""
        return any(finding.type == "ERROR" and finding.code != "INVALID-LOCK-HASH" for finding in self.findings)

    @property
    def clean(self) -> bool:
        """Whether it was checked and nothing is wrong or unknown."""
        return not self.trouble and all(finding.type == "INFO" for finding in self.findings)


def verdict(checked: tuple[Checked, ...]) -> str:
    """One line: what came out for all the locks together."""
    wrong = sum(finding.type == "ERROR" for each in checked for finding in each.findings)
    unsure = sum(finding.type == "WARNING" for each in checked for finding in each.findings)
    said = [count(number, noun) for number, noun in ((wrong, "error"), (unsure, "warning")) if number]
    if said:
        return " and ".join(said)
    if any(each.trouble for each in checked):
        return "Not everything could be checked"
    return f"Every locked file of {count(sum(each.packages for each in checked), 'package')} is one that its index has"


def summary(checked: tuple[Checked, ...]) -> str:
    """What was found, lock by lock; the worst first, within GitHub's bound."""
    return bounded("\n\n".join(_lock(each) for each in checked))


def _lock(checked: Checked) -> str:
    head = f"### {harmless(checked.lock)}"
    if checked.trouble:
        return f"{head}\n\nNot checked: {harmless(checked.trouble)}"
    told = f"{head}\n\n{count(checked.packages, 'package')}; {attestations(checked.artefacts)}."
    return "\n\n".join(filter(None, (told if checked.findings else f"{told} Nothing is wrong.", *_tables(checked))))


def _tables(checked: Checked) -> tuple[str, ...]:
    """The findings, and folded who published what."""
    rows = [(_SYMBOLS[each.type], f"`{each.code}`", harmless(each.sentence[:600])) for each in checked.findings]
    shown = fitting(rows, _TABLE_CHARACTERS)
    more = len(rows) - len(shown)
    found = table(_HEAD, shown) if shown else ""
    return found, f"… and {count(more, 'finding')} more." if more else "", _folded(checked.artefacts)


def attestations(artefacts: tuple[Artefact, ...]) -> str:
    """What came of looking at the attestations of locked files, as a clause."""
    told = [each.attested for each in artefacts]
    verified, failed, unknown = (sum(isinstance(each, kind) for each in told) for kind in _VERDICTS)
    if not verified + failed + unknown:
        return "the indexes tell of no attestations (PEP 740)"
    said = [f"{verified} verified", *([f"{failed} that do not hold"] if failed else [])]
    said += [f"{unknown} not checked"] if unknown else []
    without = len(told) - verified - failed - unknown
    return f"attestations (PEP 740) of {count(len(told), 'file')}: {', '.join((*said, f'{without} without'))}"


def publishers(artefacts: tuple[Artefact, ...]) -> tuple[str, ...]:
    """A line for each package with a verified publisher: its version, of how many files, who."""
    return tuple(f"{package}, {files}: {who}" for package, files, who in _published(artefacts))


def _published(artefacts: tuple[Artefact, ...]) -> list[tuple[str, str, str]]:
    files: dict[tuple[str, str], int] = {}
    for each in artefacts:
        if isinstance(each.attested, Verified):
            key = (f"{each.package} {each.version}", str(each.attested))
            files[key] = files.get(key, 0) + 1
    return [(package, count(number, "file"), who) for (package, who), number in files.items()]


def _folded(artefacts: tuple[Artefact, ...]) -> str:
    rows = [(harmless(package), number, harmless(who)) for package, number, who in _published(artefacts)]
    if not rows:
        return ""
    shown = table(("package", "files", "published by"), fitting(rows, _TABLE_CHARACTERS // 4))
    return f"<details><summary>Verified publishers of {count(len(rows), 'package')}</summary>\n\n{shown}\n\n</details>"


def issue(checked: tuple[Checked, ...]) -> str:
    """The body of the one issue; `was_clean` reads it again."""
    clean = all(each.clean for each in checked)
    said = "Nothing is wrong any more." if clean else f"{verdict(checked)}."
    hint = "This text is kept up to date; the issue is closed when nothing is wrong. `/provenance` checks again."
    mark = f"<!-- bolide:provenance clean={'yes' if clean else 'no'} -->"
    return bounded(f"{mark}\n**{said}** {hint}\n\n{summary(checked)}")


def was_clean(body: str) -> bool:
    """Whether the issue with this body told last that nothing is wrong."""
    found = _MARK.search(body)
    return found is not None and found["clean"] == "yes"
