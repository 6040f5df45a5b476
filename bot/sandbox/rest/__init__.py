"""GitHub's REST API, as far as the bot and its users ask for it; templates are the official ones."""

from bot.sandbox.calls import Route
from bot.sandbox.frame import spans_slashes
from bot.sandbox.rest import apps, checks, commits, contents, deployments, gitdata, issues, pulls, releases, repos

MODULES = (apps, repos, commits, contents, gitdata, pulls, issues, checks, deployments, releases)


def _order(route: Route) -> tuple[bool, list[bool]]:
    """A parameter that spans slashes would swallow what goes on after it, and any parameter a fixed word."""
    return spans_slashes(route.template), [part.startswith("{") for part in route.template.split("/")]


ROUTES: tuple[Route, ...] = tuple(sorted((route for module in MODULES for route in module.table.routes), key=_order))
