"""The pull request that sets a repository up."""

from bot.core.onboarding import Findings

TITLE = "Set up Bolide"
MESSAGE = "Add a configuration for Bolide"


def body(found: Findings) -> str:
    """What was found, what merging and closing do."""

    def code(value: str) -> str:
        return f"`{value}`"

    rows = [
        ("environments", ", ".join(map(code, found.environments))),
        ("service", code(found.service) if found.service else ""),
        ("training", code(found.training) if found.training else ""),
        ("notebooks", ", ".join(map(code, found.notebooks[:5]))),
        ("places of the version", ", ".join(map(code, found.versions))),
    ]
    table = "\n".join(f"| {name} | {what or 'none found'} |" for name, what in rows)
    return (
        "Bolide was installed here. This pull request adds `.github/bolide.yaml`, which fits what was found and"
        " explains each line:\n\n"
        f"| | |\n|---|---|\n{table}\n\n"
        "**Merge it**, edited as you like, and Bolide begins: dependency updates with evidence, releases on request,"
        " redeployment.\n"
        "**Close it**, and Bolide works without a configuration: it proposes updates, and deploys nothing.\n"
        "Until then it does nothing else here.\n"
    )
