"""Releases: a command gives a release pull request, its merge gives tag and GitHub Release."""

from bot.core import changelog, repoconfig, versionfiles, versions
from bot.core.commands import ReleaseNow
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event, PullRequestMerged
from bot.core.plan import Action, CloseIssue, Comment, DeleteBranch, FileChange, Plan, ProposeChange, Release, Target
from bot.core.ports import CommitSummary, Snapshot
from bot.core.see import See
from bot.core.texts import release as text
from bot.core.texts.markdown import harmless
from bot.core.texts.release import ReleaseText

NAME = "release"
LISTENS = (ReleaseNow, PullRequestMerged)


async def plan(event: Event, see: See) -> Plan | None:
    """The release pull request for a command, the release for its merge."""
    match event:
        case CommandGiven(command=ReleaseNow() as command):
            return await _proposed(event, command, see)
        case PullRequestMerged():
            version = text.version_of(event.branch)
            return await _released(event, version, see) if version else None
        case _:
            return None


async def _proposed(event: CommandGiven, command: ReleaseNow, see: See) -> Plan:
    key = f"answer {event.comment or 'title'}"
    try:
        change = await _change(event, command, see)
    except Refused as refusal:
        return Plan(str(refusal), (Comment(event.issue, key, str(refusal)),))
    said = f"{{proposed}} proposes it as **{change.title}**; merging it tags and publishes."
    return Plan(change.title, (change, Comment(event.issue, key, said)))


async def _change(event: CommandGiven, command: ReleaseNow, see: See) -> ProposeChange:
    start = await see.reader.snapshot((repoconfig.PATH,), branch=text.BRANCH)
    places = repoconfig.parse(start.text(repoconfig.PATH)).version_files
    if not places:
        raise Refused(f"{repoconfig.PATH} names no `release.version_files`; name the files where the version stands.")
    project = await see.reader.snapshot((changelog.PATH, *places), branch=text.BRANCH, sha=start.sha)
    current = _current(project, places)
    version = versions.next_version(current, command.kind)
    if f"v{version}" in await see.reader.tags():
        raise Refused(f"The tag v{version} exists already, but the files still say {current}; correct them first.")
    release = ReleaseText(version, await _notes(project, see), event.issue)
    branch = await see.reader.snapshot((), branch=text.branch(version), sha=start.sha)
    return ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        text.branch(version),
        branch.existing(),
        _files(project, places, release, see),
        f"{text.title(version)}\n\n{release.notes}",
        text.title(version),
        text.body(release, current),
    )


def _current(project: Snapshot, places: tuple[str, ...]) -> str:
    """The one version that stands in every place; raises Refused where they contradict one another."""
    found = {place: versionfiles.read(place, project.text(place)) for place in places}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{place} says {version}" for place, version in found.items())
        raise Refused(f"The version files contradict one another: {said}; make them agree.")
    return next(iter(found.values()))


def _files(project: Snapshot, places: tuple[str, ...], release: ReleaseText, see: See) -> tuple[FileChange, ...]:
    files = [FileChange(place, versionfiles.write(place, project.text(place), release.version)) for place in places]
    log = project.text(changelog.PATH)
    if log:
        files.append(FileChange(changelog.PATH, changelog.release(log, release.version, see.now.date(), release.notes)))
    return tuple(files)


async def _notes(project: Snapshot, see: See) -> str:
    """What stands under "Unreleased", then the commits since the last release."""
    commits = await see.reader.commits_since_release(project.sha)
    written = changelog.unreleased(project.text(changelog.PATH))
    parts = [written] if written else []
    if commits:
        parts.append("### Commits\n\n" + "\n".join(map(_line, commits[:50])))
    return "\n\n".join(parts) or "No notable changes."


def _line(commit: CommitSummary) -> str:
    return f"- {harmless(commit.subject)} ({commit.sha[:7]})"


async def _released(event: PullRequestMerged, version: str, see: See) -> Plan:
    merged = await see.reader.pull_request(event.number)
    release = text.parse(merged.body, version)
    actions: list[Action] = [
        Release(f"v{version}", event.sha, version, release.notes),
        DeleteBranch(event.branch),
    ]
    if release.issue:
        actions.append(Comment(release.issue, "released", f"Released as {{released}}, from #{event.number}."))
        actions.append(CloseIssue(release.issue))
    return Plan(f"release {version}", tuple(actions))
