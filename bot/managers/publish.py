"""Publishes a merged release once its checks have passed: the tag, the GitHub Release with its files, the last word."""

from bot.core import changelog, releasing, sbom, versions
from bot.core.commands import RecheckNow
from bot.core.events import CommandGiven, Event, PullRequestMerged, Repository
from bot.core.plan import Action, Asset, CloseIssue, Comment, DeleteBranch, Plan, Release
from bot.core.ports import CheckOutcome, ForgeRefused, Merge, PullRequest
from bot.core.recipe import Recipe
from bot.core.releasing import Project
from bot.core.see import See
from bot.core.texts import answer, deployment, update
from bot.core.texts import release as text
from bot.core.texts.markdown import read_section
from bot.core.texts.release import ReleaseText

NAME = "publish"
LISTENS = (PullRequestMerged, RecheckNow)
_SHORTEST, _LONGEST, _GIVEN_UP = 1.0, 300.0, 24 * 3600.0
"""Seconds between two looks at what is pending: a quarter of the time since the merge, within these; then the end."""


async def plan(event: Event, see: See) -> Plan | None:
    """The release of a merged release pull request; where its checks have not passed, why it is not released."""
    match event:
        case PullRequestMerged(branch=text.BRANCH, number=number) | CommandGiven(command=RecheckNow(), issue=number):
            pull = await _merged_release(number, see)
        case _:
            return None
    if pull is None or pull.merged is None:
        return None
    project = await releasing.read(see.reader, pull.merged.sha)
    version = versions.normal(project.current)
    held = await _held_up(project, version, pull, pull.merged, see, again=isinstance(event, CommandGiven))
    return held or await _released(event.repository, project, version, pull, pull.merged, see)


async def _merged_release(number: int, see: See) -> PullRequest | None:
    """The merged release pull request of this number; None where it is anything else."""
    try:
        pull = await see.reader.pull_request(number)
    except ForgeRefused:
        return None
    return pull if pull.merged and pull.merged.branch == text.BRANCH else None


async def _held_up(
    project: Project, version: str, pull: PullRequest, merge: Merge, see: See, *, again: bool
) -> Plan | None:
    """What stands in the way of the release, None where nothing does: its own checks and those of its merge."""
    on_merge, on_head = await see.reader.checks(merge.sha), await see.reader.checks(pull.head_sha)
    for outcomes, where in ((on_merge, "the merge commit"), (on_head, "the pull request")):
        if failed := tuple(outcome for outcome in outcomes if outcome.state == "failed"):
            return _stopped(text.failed(version, failed, where), pull)
    pending = tuple(outcome for outcome in (*on_merge, *on_head) if outcome.state == "pending")
    # The stages of the merge are begun by another job, which may not have come to it.
    if project.config.recipe != Recipe(None, None) and all(found.name != deployment.CONTEXT for found in on_merge):
        pending = (*pending, CheckOutcome(deployment.CONTEXT, "pending"))
    if not pending:
        return None
    age = (see.now - merge.at).total_seconds()
    if age > _GIVEN_UP and not again:
        return _stopped(text.late(version, pending), pull)
    said = text.waiting(version, pending)
    # The same words as those of a job that is put off, so that the comment is written once.
    told = Comment(pull.number, text.STATE, f"{said} {answer.AGAIN}")
    return Plan(said, (told,), min(max(age / 4, _SHORTEST), _LONGEST))


def _stopped(sentence: str, pull: PullRequest) -> Plan:
    """Say on the pull request, and where the release was asked for, that it is not released."""
    opened = text.parse(pull.body)
    asked = opened.order.issue if opened else None
    elsewhere = (Comment(asked, text.STATE, f"{sentence} (#{pull.number})"),) if asked else ()
    return Plan(sentence, (Comment(pull.number, text.STATE, sentence), *elsewhere))


async def _released(
    repository: Repository, project: Project, version: str, pull: PullRequest, merge: Merge, see: See
) -> Plan:
    opened = text.parse(pull.body)
    release = Release(
        tag=f"v{version}",
        sha=merge.sha,
        name=version,
        notes=_notes(project, version, pull, opened),
        prerelease=versions.is_prerelease(version),
        assets=await _assets(repository, project, version, see),
    )
    said = text.released(pull.number)
    actions: list[Action] = [release, DeleteBranch(text.BRANCH, pull.head_sha), Comment(pull.number, text.STATE, said)]
    if opened and opened.order.issue:
        actions.append(Comment(opened.order.issue, f"released {version}", said))
        if opened.order.closes:
            actions.append(CloseIssue(opened.order.issue))
    return Plan(f"release {version}", tuple(actions))


def _notes(project: Project, version: str, pull: PullRequest, opened: ReleaseText | None) -> str:
    """The notes as a person left them: in the pull request's text, else in the changelog that it changes."""
    if opened is None:
        return text.words(pull.body)
    logged = changelog.section(project.snapshot.text(changelog.PATH), version)
    return opened.notes if opened.edited or not logged else logged.replace("\r\n", "\n")


async def _assets(repository: Repository, project: Project, version: str, see: See) -> tuple[Asset, ...]:
    """What there is to attach: the deployed model's files, the bill of materials, the evidence of the updates."""
    name = project.snapshot.name.rpartition("/")[2]
    files = await see.deployed.model_files(repository)
    assets = [Asset(path, "application/json", content) for path, content in sorted(files.items())]
    if lock := releasing.lock_of(project.snapshot):
        assets.append(Asset("sbom.cdx.json", sbom.MEDIA, sbom.render(lock, name, version, see.now)))
    if report := await _evidence(project, version, see):
        assets.append(Asset("evidence.md", "text/markdown; charset=utf-8", report))
    return tuple(assets)


async def _evidence(project: Project, version: str, see: See) -> str:
    """What was measured for each update that was merged since the last release, newest first."""
    previous = versions.latest_before(version, await see.reader.tags())
    commits = {commit.sha for commit in (await see.reader.history(project.snapshot.sha, previous)).commits}
    found = []
    for pull in await see.reader.merged_pulls():
        if pull.sha in commits and pull.branch.startswith(update.BRANCH):
            parts = [part for name in ("verdict", "evidence") if (part := read_section(pull.body, name))]
            found.append("\n\n".join([f"## {pull.title} (#{pull.number})", *parts]))
    return f"# Evidence of the updates in {version}\n\n" + "\n\n".join(found) + "\n" if found else ""
