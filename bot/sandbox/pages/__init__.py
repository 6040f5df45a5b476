"""The pages of the sandbox."""

from aiohttp import web

from bot.sandbox.errors import ApiError


def add_routes(app: web.Application) -> None:
    """Add the pages to the application."""


def error_page(request: web.Request, error: ApiError) -> web.Response:
    """The page for an error."""
    del request
    return web.Response(status=error.status, text=error.message)
