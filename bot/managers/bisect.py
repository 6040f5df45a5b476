"""Takes a change apart that does not work: one examination a step, until the package or pair is known that breaks it.

The pull request then goes on with the part that works; the rest is noted on the dashboard and stays where it is.
"""

from dataclasses import dataclass, replace

from packaging.specifiers import SpecifierSet

from bot.core import changes, environments, locks, repoconfig
from bot.core.changes import Change
from bot.core.commands import BisectNow
from bot.core.culprits import MOST, Found, GaveUp, Try, step
from bot.core.environments import PYTHON_VERSION, Environment
from bot.core.errors import Refused
from bot.core.events import ChangeFailed, CommandGiven, Event, Tried
from bot.core.evidence import verdict
from bot.core.packages import Only, Unresolvable
from bot.core.plan import Action, Comment, LookAgain, Plan, Report, TakeApart, TrackIssue
from bot.core.ports import ForgeRefused, PullRequest, Snapshot
from bot.core.relock import Wish, relock
from bot.core.repoconfig import RepoConfig
from bot.core.see import See
from bot.core.steering import BISECT, Ignored, with_entry
from bot.core.texts import answer, dashboard, update
from bot.core.texts import bisect as text
from bot.core.texts.markdown import quiet

NAME = "bisect"
LANE = "update"
"""It writes the same issue as the updates do: one of them at a time."""
LISTENS = (ChangeFailed, BisectNow)


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is taken apart: the files at the base, and the updates between today's and the proposed lock."""

    base: Snapshot
    config: RepoConfig
    environment: Environment
    updates: tuple[Change, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The packages, what the manifest names first: theirs are the updates that brought the others."""
        return tuple(dict.fromkeys(change.name for change in self.updates))


async def plan(event: Event, see: See) -> Plan | None:
    """The next step of the search, or what was found."""
    match event:
        case CommandGiven(command=BisectNow()):
            return await _asked(event, see)
        case ChangeFailed():
            found = await see.reader.pull_request(event.number)
            if not found.open or found.head_sha != event.head_sha:
                return Plan("the proposal was overtaken by another commit, or is closed")
            try:
                return await _next(event, see)
            except Refused as refusal:
                return _ended(event, f"The search for what does not work ended: {refusal}")
        case _:
            return None


async def _asked(event: CommandGiven, see: See) -> Plan:
    key = answer.key(event)
    try:
        found: PullRequest | None = await see.reader.pull_request(event.issue)
    except ForgeRefused:
        found = None
    proposal = update.parse(found.body) if found and found.open else None
    if found is None or proposal is None:
        return Plan(update.NOT_OURS, (Comment(event.issue, key, update.NOT_OURS),))
    change = (event.repository, event.issue, proposal.base_sha, found.head_sha, proposal.file)
    return Plan("asked to bisect", (TakeApart(ChangeFailed(*change, again=key)), Comment(event.issue, key, text.BEGUN)))


def _ended(event: ChangeFailed, sentence: str) -> Plan:
    """The search is over without a finding, and why."""
    said = quiet(sentence)
    report = Report(event.head_sha, text.CHECK, "Not found", f"{said}\n\n{text.history(event.tried)}", "neutral")
    return Plan(said, (report, Comment(event.number, text.KEY, said)))


async def _next(event: ChangeFailed, see: See) -> Plan:
    subject = await _subject(event, see)
    if not subject.config.updates.bisect and not event.again:
        return Plan("taking apart is off in this repository's configuration")
    if len(subject.names) < 2:
        return Plan("the change is a single update, which cannot be taken apart")
    known = {one.names: one.works for one in event.tried}
    whole = frozenset(subject.names)
    if known.get(whole):
        return _ended(event, "The whole change works; there is nothing to take apart.")
    # Evidence has shown that the change fails; a person who asks may think so only.
    found = Try(whole) if event.again and whole not in known else step(subject.names, known)
    match found:
        case Try(parts):
            tried = (*event.tried, await _examined(subject, parts, see))
            report = Report(event.head_sha, text.CHECK, text.progress(tried), text.history(tried), None)
            return Plan(report.title, (report, TakeApart(replace(event, tried=tried))))
        case GaveUp():
            return _ended(event, f"After {MOST} examinations it is not known what does not work; nothing was changed.")
        case _:
            return _found(event, subject, found)


async def _subject(event: ChangeFailed, see: See) -> _Subject:
    environment = environments.of_lock(event.lock)
    paths = tuple(dict.fromkeys((*repoconfig.PATHS, *environment.files, PYTHON_VERSION)))
    base = await see.reader.snapshot(paths, branch=update.BRANCH, sha=event.base_sha, tracked=dashboard.LABEL)
    head = await see.reader.snapshot(paths, branch=update.BRANCH, sha=event.head_sha)
    before, after = (locks.read(environment, each, see.allowed_hosts) for each in (base, head))
    moved = changes.diff(before.lock or {}, after.lock or {}, before.wanted)
    updates = tuple(change for change in moved if change.kind == "updated")
    return _Subject(base, repoconfig.read(base), environment, updates)


async def _examined(subject: _Subject, parts: frozenset[str], see: See) -> Tried:
    """A lock with these updates and no others, tried out."""
    wish = Wish(
        subject.environment,
        Only(parts),
        tuple(f"{change.name}{'==' if change.name in parts else '<='}{change.new}" for change in subject.updates),
        exempt=frozenset(subject.names),
    )
    try:
        made = await relock(subject.base, subject.config, wish, see)
    except Unresolvable as conflict:
        return Tried(parts, works=False, said=str(conflict))
    files = {**subject.base.files, subject.environment.lock: made.lock_text}
    lock = locks.installable(subject.environment, replace(subject.base, files=files), see.allowed_hosts)
    recipe = subject.config.recipe
    recipe = recipe if subject.environment.lock == "Pipfile.lock" else locks.fitting(recipe, lock)
    tarball = await see.reader.tarball(subject.base.sha)
    # The same lock twice is measured once.
    seen, _ = await see.laboratory.examine_pair(tarball, lock, lock, recipe)
    if any(failure.inconclusive for failure in seen.failures):
        raise Refused(seen.failures[0].sentence)
    found = verdict(seen, seen)
    if found.kind == "not_checked":  # what was not seen to work is no part that works
        raise Refused(found.sentence)
    sentence = seen.failures[0].sentence if seen.failures else found.sentence
    return Tried(parts, works=found.kind != "broken", said=sentence)


def _found(event: ChangeFailed, subject: _Subject, found: Found) -> Plan:
    """The culprits on the dashboard, so that the pull request goes on without them, and what was found beside it."""
    said = text.found(found, event.tried, {change.name: change for change in subject.updates})
    report = Report(event.head_sha, text.CHECK, text.title(found), text.history(event.tried), "neutral")
    comment = Comment(event.number, text.KEY, said)
    issue = subject.base.tracking
    if not subject.base.issues_enabled:
        return Plan(text.title(found), (report, comment))
    told = dashboard.parse(issue.body if issue else "")
    entries = told.ignored
    for culprit, partner in found.culprits:
        entries = with_entry(entries, _entry(subject, culprit, partner, event.tried))
    if dashboard.is_full(entries):
        return Plan(text.title(found), (report, comment))
    configured = subject.config.updates.steering().ignore
    body = dashboard.render(issue.body if issue else "", replace(told, ignored=entries), configured)
    track = TrackIssue(issue.number if issue else None, dashboard.TITLE, dashboard.LABEL, body)
    actions: tuple[Action, ...] = (track, report, comment, LookAgain(f"bisected {event.head_sha} {event.again}"))
    return Plan(text.title(found), actions)


def _entry(subject: _Subject, culprit: str, partner: str, tried: tuple[Tried, ...]) -> Ignored:
    """The culprit's versions from today's to the proposed one; newer ones are tried again when they come."""
    change = next(change for change in subject.updates if change.name == culprit)
    beside = f" beside {partner}" if partner else ""
    reason = quiet(f"does not work{beside}: {text.why(culprit, tried)}")
    versions = str(SpecifierSet(f">{change.old},<={change.new}"))
    return Ignored(culprit, versions, None, reason[:200], BISECT)
