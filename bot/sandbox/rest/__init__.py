"""GitHub's REST API, as far as the bot and its users ask for it; templates are the official ones."""

from bot.sandbox.calls import Route
from bot.sandbox.frame import spans_slashes
from bot.sandbox.rest import apps, checks, commits, contents, deployments, gitdata, issues, pulls, releases, repos

MODULES = (apps, repos, commits, contents, gitdata, pulls, issues, checks, deployments, releases)
ROUTES: tuple[Route, ...] = tuple(
    # what ends in a parameter that spans slashes would swallow what goes on after it
    sorted(
        (route for module in MODULES for route in module.table.routes), key=lambda route: spans_slashes(route.template)
    )
)
