"""The pages of the sandbox: what a person sees and clicks."""

from pathlib import Path

from aiohttp import web

from bot.sandbox.errors import ApiError
from bot.sandbox.pages import apps, code, conversations, drafts, hooks, lists, sessions
from bot.sandbox.pages.rendering import page

STYLE = Path(__file__).with_name("style.css")
REPOSITORY = "/{owner}/{repo}"


def add_routes(app: web.Application) -> None:
    """Add the pages to the application; the order matters, the repository's front page takes what is left."""
    router = app.router
    router.add_get("/", lists.home)
    router.add_get("/static/style.css", _style)
    router.add_get("/avatars/{id}", lists.avatar)
    router.add_post("/login", sessions.sign_in_as)
    for place in ("/settings/apps", "/organizations/{organization}/settings/apps"):
        router.add_post(f"{place}/new", apps.new_app)
        router.add_post(f"{place}/create", apps.create_app)
    router.add_get("/apps/{slug}", hooks.deliveries)
    router.add_get("/apps/{slug}/deliveries/{id}", hooks.delivery)
    router.add_post("/apps/{slug}/deliveries/{id}", hooks.redeliver)
    for path, handler in {
        "/tree/{rest:.+}": code.tree,
        "/blob/{rest:.+}": code.blob,
        "/raw/{rest:.+}": code.raw,
        "/commits": code.commits,
        "/commit/{sha}": code.commit,
        "/pulls": lists.pulls,
        "/pull/{number}.diff": conversations.diff,
        "/pull/{number}": conversations.pull,
        "/issues": lists.issues,
        "/issues/new": drafts.new_issue,
        "/issues/{number}": conversations.issue,
        "/releases": lists.releases,
        "/releases/tag/{tag:.+}": lists.release,
        "/releases/download/{tag:[^/]+}/{name}": lists.download,
        "/tags": lists.tags,
        "/deployments": lists.deployments,
    }.items():
        router.add_get(REPOSITORY + path, handler)
    router.add_post(REPOSITORY + "/issues/new", drafts.create_issue)
    router.add_post(REPOSITORY + "/{kind:pull|issues}/{number}/{action}", conversations.act)
    router.add_get(REPOSITORY, code.front)
    router.add_get("/{owner}", lists.home)


def error_page(request: web.Request, error: ApiError) -> web.Response:
    """The page for an error, in words."""
    message = error.errors[0].get("message") if error.errors else None
    return page(request, "error.html", status=error.status, title=str(error.status), message=message or error.message)


async def _style(_: web.Request) -> web.Response:
    return web.Response(text=STYLE.read_text(), content_type="text/css", headers={"Cache-Control": "max-age=60"})
