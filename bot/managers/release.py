"""Releases: a command gives a release pull request, its merge gives tag and GitHub Release."""

from bot.core import changelog, repoconfig, versionfiles, versions
from bot.core.commands import ReleaseNow
from bot.core.errors import Refused
from bot.core.events import CommandGiven, Event, PullRequestMerged
from bot.core.plan import (
    Action,
    CloseIssue,
    Comment,
    DeleteBranch,
    FileChange,
    OwnBranch,
    Plan,
    ProposeChange,
    Release,
    Target,
)
from bot.core.ports import BotBranch, CommitSummary, Snapshot
from bot.core.see import See
from bot.core.texts import answer
from bot.core.texts import release as text
from bot.core.texts.markdown import harmless, quiet
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
    try:
        project, places = await _project(see)
        current = _current(project, places)
        version = versions.next_version(current, command.kind)
        branch = await _branch(project, version, current, see)
        said = f"proposes it as **{text.title(version)}**; merging it tags and publishes."
        opened = branch.pull_request if branch else None
        if branch and opened and text.parse(branch.pull_request_body, version).base_sha == project.sha:
            return Plan(f"#{opened} {said}", (Comment(event.issue, answer.key(event), f"#{opened} {said}"),))
        release = ReleaseText(version, await _notes(project, see), project.sha, event.issue, event.comment is None)
        change = _change(project, release, current, _files(project, places, release, see), branch)
    except Refused as refusal:
        return Plan(str(refusal), (Comment(event.issue, answer.key(event), quiet(str(refusal))),))
    return Plan(change.title, (change, Comment(event.issue, answer.key(event), f"{{proposed}} {said}")))


async def _project(see: See) -> tuple[Snapshot, tuple[str, ...]]:
    """The files that a release changes, at one commit, and which of them carry the version."""
    start = await see.reader.snapshot(repoconfig.PATHS, branch=text.BRANCH)
    if start.archived:
        raise Refused("The repository is archived; a release needs one that can be written to.")
    places = tuple(dict.fromkeys(repoconfig.read(start).release.version_files))
    if not places:
        raise Refused(f"{repoconfig.PATH} names no `release.version_files`; name the files where the version stands.")
    return await see.reader.snapshot((changelog.PATH, *places), branch=text.BRANCH, sha=start.sha), places


def _current(project: Snapshot, places: tuple[str, ...]) -> str:
    """The one version that stands in every place; raises Refused where they contradict one another."""
    missing = [place for place in places if project.files[place] is None]
    if missing:
        raise Refused(f"{repoconfig.PATH} names {missing[0]} in `release.version_files`, but there is no such file.")
    found = {place: versionfiles.read(place, project.text(place)) for place in places}
    if len(set(found.values())) > 1:
        said = ", ".join(f"{place} says {version}" for place, version in found.items())
        raise Refused(f"The version files contradict one another: {said}; make them agree.")
    return next(iter(found.values()))


async def _branch(project: Snapshot, version: str, current: str, see: See) -> BotBranch | None:
    """The branch of an earlier proposal; raises Refused where the version is tagged or a person has the branch."""
    if f"v{version}" in await see.reader.tags():
        raise Refused(f"The tag v{version} exists already, but the files still say {current}; correct them first.")
    name = text.branch(version)
    branch = (await see.reader.snapshot((), branch=name, sha=project.sha)).branch
    if branch and not all(author == see.login for author in branch.authors):
        raise Refused(f"A person has committed to {name}; merge it, or delete the branch and ask again.")
    return branch


def _change(
    project: Snapshot, release: ReleaseText, current: str, files: tuple[FileChange, ...], branch: BotBranch | None
) -> ProposeChange:
    return ProposeChange(
        Target(project.node_id, project.default_branch, project.sha),
        text.branch(release.version),
        OwnBranch(branch.sha, branch.pull_request) if branch else None,
        files,
        text.title(release.version),
        text.title(release.version),
        text.body(release, current),
    )


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
    return f"- {harmless(commit.subject[:300])} ({commit.sha[:7]})"


async def _released(event: PullRequestMerged, version: str, see: See) -> Plan:
    merged = await see.reader.pull_request(event.number)
    release = text.parse(merged.body, version)
    actions: list[Action] = [Release(f"v{version}", event.sha, version, release.notes)]
    actions.append(DeleteBranch(event.branch))
    if release.issue:
        said = f"Released as {{released}}, from #{event.number}."
        actions.append(Comment(release.issue, f"released {version}", said))
    if release.issue and release.closes:
        actions.append(CloseIssue(release.issue))
    return Plan(f"release {version}", tuple(actions))
