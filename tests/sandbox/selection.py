"""What is cut out of GitHub's GraphQL schema and webhook descriptions: types, fields, mutations, events."""

MUTATIONS = (
    "createRef updateRef updateRefs deleteRef createCommitOnBranch createPullRequest updatePullRequest closePullRequest"
    " reopenPullRequest mergePullRequest addComment updateIssueComment addLabelsToLabelable"
    " removeLabelsFromLabelable createIssue updateIssue closeIssue addReaction"
)

CONNECTION = "nodes pageInfo totalCount"
COMMENT = "id body author createdAt updatedAt"

FIELDS = {
    "Query": "id repository node nodes rateLimit viewer user",
    "RateLimit": "cost limit remaining used resetAt nodeCount",
    "Node": "id",
    "Actor": "login url avatarUrl resourcePath",
    "User": "id databaseId login name email url avatarUrl resourcePath createdAt",
    "Bot": "id databaseId login url avatarUrl resourcePath createdAt",
    "RepositoryOwner": "id login url avatarUrl resourcePath",
    "Repository": (
        "id databaseId name nameWithOwner owner url isArchived isPrivate isEmpty hasIssuesEnabled description"
        " createdAt pushedAt updatedAt defaultBranchRef object ref refs pullRequest pullRequests issue issues"
        " issueOrPullRequest label labels latestRelease release releases viewerPermission deployments"
    ),
    "Ref": "id name prefix target repository associatedPullRequests",
    "RefConnection": CONNECTION,
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "GitObject": "id oid abbreviatedOid repository commitUrl",
    "Blob": "id oid abbreviatedOid repository commitUrl text byteSize isBinary isTruncated",
    "Tree": "id oid abbreviatedOid repository commitUrl entries",
    "TreeEntry": "name path mode type oid object size extension",
    "Tag": "id oid abbreviatedOid repository commitUrl name message target tagger",
    "Commit": (
        "id oid abbreviatedOid repository commitUrl url message messageHeadline messageBody committedDate authoredDate"
        " author authors committer parents tree file history status checkSuites additions deletions"
        " changedFilesIfAvailable signature associatedPullRequests statusCheckRollup"
    ),
    "GitActor": "name email date user",
    "GitActorConnection": CONNECTION,
    "GitSignature": "isValid state wasSignedByGitHub",
    "GpgSignature": "isValid state wasSignedByGitHub",
    "CommitConnection": CONNECTION,
    "CommitHistoryConnection": CONNECTION,
    "Status": "id state contexts",
    "StatusContext": "id state context description targetUrl createdAt",
    "StatusCheckRollup": "id state",
    "CheckSuite": "id databaseId status conclusion app checkRuns",
    "CheckSuiteConnection": CONNECTION,
    "CheckRun": "id databaseId name status conclusion title summary text detailsUrl externalId startedAt completedAt",
    "CheckRunConnection": CONNECTION,
    "App": "id databaseId name slug",
    "PullRequest": (
        "id databaseId number title body headRefName headRefOid baseRefName baseRefOid state merged mergedAt mergedBy"
        " mergeCommit mergeable isCrossRepository isDraft closed closedAt createdAt updatedAt url author"
        " authorAssociation labels comments commits files additions deletions changedFiles repository"
        " headRef baseRef locked"
    ),
    "PullRequestConnection": CONNECTION,
    "PullRequestCommit": "id commit",
    "PullRequestCommitConnection": CONNECTION,
    "PullRequestChangedFile": "path additions deletions changeType",
    "PullRequestChangedFileConnection": CONNECTION,
    "Issue": (
        "id databaseId number title body state stateReason closed closedAt createdAt updatedAt url author"
        " authorAssociation labels comments repository locked"
    ),
    "IssueConnection": CONNECTION,
    "IssueOrPullRequest": "*",
    "IssueComment": f"{COMMENT} databaseId url authorAssociation issue pullRequest repository",
    "IssueCommentConnection": CONNECTION,
    "Comment": COMMENT,
    "Labelable": "labels",
    "Closable": "closed closedAt",
    "Label": "id name color description url",
    "LabelConnection": CONNECTION,
    "Release": (
        "id databaseId name tagName description isDraft isPrerelease isLatest createdAt publishedAt url author"
        " tagCommit"
    ),
    "ReleaseConnection": CONNECTION,
    "Deployment": "id databaseId environment state createdAt commitOid description latestStatus",
    "DeploymentConnection": CONNECTION,
    "DeploymentStatus": "id state description environmentUrl logUrl createdAt",
    "Reactable": "id databaseId",
    "Reaction": "id databaseId content createdAt user",
}

EVENTS = (
    "check_run$completed", "check_run$created", "create$event", "delete$event", "deployment$created",
    "deployment_status$created", "installation$created", "installation$deleted", "installation_repositories$added",
    "installation_repositories$removed", "issue_comment$created", "issue_comment$deleted", "issue_comment$edited",
    "issues$closed", "issues$edited", "issues$labeled", "issues$opened", "issues$reopened", "issues$unlabeled",
    "ping$event", "pull_request$closed", "pull_request$edited", "pull_request$labeled", "pull_request$opened",
    "pull_request$reopened", "pull_request$synchronize", "pull_request$unlabeled", "push$event",
    "release$created", "release$published", "status$event",
)  # fmt: skip
