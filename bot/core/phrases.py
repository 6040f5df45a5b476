"""Commands of people: the title of an issue, or the first line of a comment → Command | None.

A command is a whole line of plain text: what stands in a quote, a code fence or an HTML comment never counts,
nor a line with invisible or direction-changing characters.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidName, canonicalize_name
from packaging.version import InvalidVersion, Version

from bot.core.commands import (
    AdviseNow,
    BisectNow,
    CancelRelease,
    CheckProvenance,
    Command,
    DeliverImage,
    ExplainPackage,
    Help,
    IgnorePackage,
    PreviewNow,
    RebaseNow,
    RecheckNow,
    ReleaseNow,
    ResumeDeployments,
    RetestNow,
    RetrainNow,
    RollBackNow,
    SecureNow,
    TellInfo,
    TellStatus,
    UnignorePackage,
    Unknown,
    UpdateNow,
    YankRelease,
)
from bot.core.errors import Refused
from bot.core.versions import KINDS, Exactly, ReleaseKind

Words = tuple[str, ...]
"""What stands after the command's name, as it was written."""

_HELP = "`/help` lists every command."
_NEAR = 0.8
"""How like a command's name a word must be to be taken for a slip."""
_MOST_REASON = 200
_LONGEST_NAME = 100
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TITLES: dict[str, Command] = {
    "kebechet update": UpdateNow(),
    "kebechet advise": AdviseNow(),
    "new calendar release": ReleaseNow("calendar"),
    "kebechet info": TellInfo(),
    "new major release": ReleaseNow("major"),
    "new minor release": ReleaseNow("minor"),
    "new patch release": ReleaseNow("patch"),
    "new pre-release": ReleaseNow("pre"),
    "new pre- release": ReleaseNow("pre"),
    "new build release": ReleaseNow("build"),
    "finalize version": ReleaseNow("finalize"),
    "x.y.z release": Unknown("release", "write the version in place of X.Y.Z, in the title of a new issue."),
}
_DELIVER = "deliver container image"
_TAG = re.compile(
    r"^[ \t]*tag:[ \t]*v?(?P<tag>[0-9][0-9A-Za-z._-]{0,63})[ \t]*\r?$", re.ASCII | re.IGNORECASE | re.MULTILINE
)
_NO_TAG = "name the release in the text of a new issue, on a line such as `Tag: 1.2.3`."
_RELEASE_OF = re.compile(r"v?(?P<version>\d\S{0,60}) release", re.ASCII)
_KINDS: dict[str, ReleaseKind] = {kind: kind for kind in KINDS}
_COMMAND = re.compile(r"(?:/|(?P<mention>@bolide)[ \t]+)(?P<words>[a-z][a-z-]{0,39}(?:[ \t].*)?)", re.IGNORECASE)


def in_title(title: str, text: str = "") -> Command | None:
    """The command that an issue's title is: exact, but for case and surrounding space; `text` is the issue's own."""
    if not title.strip().isascii() or not _plain(title):
        return None
    words = title.strip().lower()
    if words == _DELIVER:
        named = _TAG.search(text)
        return DeliverImage(named["tag"]) if named else Unknown("deliver", _NO_TAG)
    named = _RELEASE_OF.fullmatch(words)
    return ReleaseNow(Exactly(named["version"])) if named else _TITLES.get(words)


def in_comment(body: str) -> Command | None:
    """The command in a comment's first line; `Unknown` where it is none, but was meant for Bolide.

    Other bots have commands with a slash too: one that is not near to any of Bolide's is theirs.
    """
    first = body.strip("\r\n").split("\n", 1)[0].rstrip()
    found = _COMMAND.fullmatch(first) if _plain(first) else None
    if found is None:
        return None
    name, *rest = found["words"].split()
    reader = _READERS.get(name.lower())
    if reader is not None:
        try:
            return reader(tuple(rest))
        except Refused as refusal:
            return Unknown(name.lower(), str(refusal))
    near = difflib.get_close_matches(name.lower(), _READERS, 1, _NEAR)
    return Unknown(name.lower()) if found["mention"] or near else None


def refuse_unknown(command: Unknown) -> Refused:
    """The answer to a command that is none."""
    if command.reason:
        form = FORMS.get(command.text)
        return Refused(f"`/{command.text}`: {command.reason}{f' Write `{form}`.' if form else ''} {_HELP}")
    near = difflib.get_close_matches(command.text, _READERS, 1, _NEAR)
    return Refused(f"`/{command.text}` is not a command here{f'; `{FORMS[near[0]]}` is' if near else ''}. {_HELP}")


def _in_environment(command: Callable[[str], Command]) -> Callable[[Words], Command]:
    """Reads a command about the environment of a name; the empty name stands for every one."""

    def read(words: Words) -> Command:
        if len(words) > 1 or (words and not _ENVIRONMENT.fullmatch(words[0])):
            raise Refused(f"{_shown(words)} is not the name of one environment.")
        return command(words[0] if words else "")

    return read


def _of_package(command: Callable[[str], Command]) -> Callable[[Words], Command]:
    """Reads a command about one package."""

    def read(words: Words) -> Command:
        if len(words) != 1:
            raise Refused("it needs the name of one package.")
        return command(package(words[0]))

    return read


def _ignore(words: Words) -> Command:
    if not words:
        raise Refused("it needs a package's name.")
    name, rest = package(words[0]), list(words[1:])
    specifier = _specifier(rest.pop(0)) if rest and rest[0][0] in "<>=!~0123456789" else ""
    until = None
    if rest and rest[0].lower() == "until":
        until = _day(rest[1] if len(rest) > 1 else "")
        rest = rest[2:]
    if rest and not rest[0][0].isalpha():
        raise Refused(f"{_shown(rest)} is neither a specifier such as `>=5` nor a reason in words.")
    return IgnorePackage(name, specifier, until, _reason(rest))


def _release(words: Words) -> Command:
    match tuple(word.lower() for word in words):
        case ("cancel",):
            return CancelRelease()
        case (word,) if word in _KINDS:
            return ReleaseNow(_KINDS[word])
        case (word,) if _is_version(word):
            return ReleaseNow(Exactly(word))
        case _:
            raise Refused(f"{_shown(words)} is neither the kind of a release nor a version.")


def _yank(words: Words) -> Command:
    if not words or not _is_version(words[0]):
        raise Refused(f"{_shown(words[:1])} is not the version of a release.")
    return YankRelease(words[0].removeprefix("v"), _reason(words[1:]))


def _reason(words: Sequence[str]) -> str:
    reason = " ".join(words)
    if len(reason) > _MOST_REASON:
        raise Refused(f"the reason has {len(reason)} characters; {_MOST_REASON} are kept, so make it shorter.")
    return reason


def _roll_back(words: Words) -> Command:
    reason = _reason(words[1:])
    return _in_environment(lambda environment: RollBackNow(environment, reason))(words[:1])


def _deploy(words: Words) -> Command:
    match tuple(word.lower() for word in words):
        case ("resume",):
            return ResumeDeployments()
        case ("preview",):
            return PreviewNow()
    raise Refused(f"{_shown(words)} is not what can be done with deployments.")


def _is_version(word: str) -> bool:
    try:
        return bool(Version(word))
    except InvalidVersion:
        return False


def _alone(command: Command) -> Callable[[Words], Command]:
    """Reads a command that takes no words."""

    def read(words: Words) -> Command:
        if words:
            raise Refused(f"{_shown(words)} stands after it, where nothing is expected.")
        return command

    return read


def package(word: str) -> str:
    """The package's name in its normal form; raises Refused for what names none."""
    try:
        return canonicalize_name(word if len(word) <= _LONGEST_NAME else "", validate=True)
    except InvalidName as problem:
        raise Refused(f"{_shown((word,))} is not the name of a package.") from problem


def _specifier(word: str) -> str:
    try:
        return str(SpecifierSet(word))
    except InvalidSpecifier as problem:
        raise Refused(f"{_shown((word,))} is not a version specifier such as `>=5` or `==5.*`.") from problem


def _day(word: str) -> date:
    try:
        return date.fromisoformat(word if _DAY.fullmatch(word) else "")
    except ValueError as problem:
        raise Refused(f"{_shown((word,))} is not a day; after `until` stands one such as 2027-01-31.") from problem


def _shown(words: Sequence[str]) -> str:
    """What was written, as a code span that nothing in it can end."""
    return f"`{' '.join(words)[:60].replace('`', chr(39))}`" if words else "Nothing"


_READERS: dict[str, Callable[[Words], Command]] = {
    "update": _in_environment(UpdateNow),
    "security": _alone(SecureNow()),
    "advise": _in_environment(AdviseNow),
    "explain": _of_package(ExplainPackage),
    "ignore": _ignore,
    "unignore": _of_package(UnignorePackage),
    "rebase": _alone(RebaseNow()),
    "recheck": _alone(RecheckNow()),
    "bisect": _alone(BisectNow()),
    "status": _alone(TellStatus()),
    "info": _alone(TellInfo()),
    "provenance": _alone(CheckProvenance()),
    "release": _release,
    "yank": _yank,
    "retrain": _alone(RetrainNow()),
    "retest": _alone(RetestNow()),
    "rollback": _roll_back,
    "deploy": _deploy,
    "help": _alone(Help()),
}
"""Each command by its name: what reads the words after it; raises Refused with the rest of a sentence."""
_WORDS: dict[str, str] = {
    "update": " [ENVIRONMENT]",
    "advise": " [ENVIRONMENT]",
    "explain": " PACKAGE",
    "ignore": " PACKAGE [SPECIFIER] [until YYYY-MM-DD] [REASON]",
    "unignore": " PACKAGE",
    "release": f" {'|'.join(KINDS)}|X.Y.Z|cancel",
    "yank": " X.Y.Z [REASON]",
    "rollback": " [ENVIRONMENT [REASON]]",
    "deploy": " preview|resume",
}
FORMS: Mapping[str, str] = {name: f"/{name}{_WORDS.get(name, '')}" for name in _READERS}
"""Each command by its name: as it is written, with the words that it takes."""


def _plain(text: str) -> bool:
    """Whether the text has no invisible, control or direction-changing character that hides what it says."""
    shown = text.strip().replace("\t", " ")
    return not any(unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs"} for character in shown)
