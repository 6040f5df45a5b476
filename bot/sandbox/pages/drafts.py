"""New issues, blank or from the repository's issue forms."""

import re
from dataclasses import dataclass

import yaml
from aiohttp import web

from bot.sandbox.actions import issues as actions
from bot.sandbox.calls import SERVICES
from bot.sandbox.entities import Issue, Json, Repository
from bot.sandbox.errors import unprocessable
from bot.sandbox.forge import Forge
from bot.sandbox.pages.rendering import page, repository_of
from bot.sandbox.pages.sessions import posted

FOLDER = ".github/ISSUE_TEMPLATE"
LARGEST_FORM = 100_000  # bytes


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form."""

    id: str
    kind: str
    label: str
    description: str
    value: str
    options: tuple[str, ...]
    required: bool


@dataclass(frozen=True, slots=True)
class Form:
    """An issue form, or an old Markdown template as a form with one text."""

    file: str
    name: str
    about: str
    title: str
    labels: tuple[str, ...]
    fields: tuple[Field, ...]


async def new_issue(request: web.Request) -> web.Response:
    """The forms to choose from, or one of them."""
    repository = repository_of(request)
    forms = await forms_of(request.app[SERVICES].forge, repository)
    chosen = request.query.get("template")
    form = next((each for each in forms if each.file == chosen), None)
    if form is None and (chosen == "blank" or not forms):
        form = Form("", "New issue", "", request.query.get("title", ""), (), ())
    title = request.query.get("title") or (form.title if form else "")
    return page(
        request, "new_issue.html", repository=repository, title="New issue", tab="issues", forms=forms, form=form,
        draft_title=title, draft_body=request.query.get("body", ""),
    )  # fmt: skip


async def create_issue(request: web.Request) -> web.Response:
    """Open the issue that was filled in."""
    repository, forge = repository_of(request), request.app[SERVICES].forge
    actor, given = await posted(request)
    forms = await forms_of(forge, repository)
    form = next((each for each in forms if each.file == given.get("template")), None)
    body = body_of(form, given) if form and form.fields else given.get("body", "").replace("\r\n", "\n")
    made: Issue = actions.open_issue(
        forge, actor, repository, given.get("title", ""), body, form.labels if form else ()
    )
    raise web.HTTPSeeOther(f"/{repository.full_name}/issues/{made.number}")


async def forms_of(forge: Forge, repository: Repository) -> list[Form]:
    """The forms on the default branch; a file that is no form is left out, as GitHub does."""
    git = forge.git(repository)
    sha = await git.resolve(repository.default_branch)
    if sha is None or await git.object(f"{sha}:{FOLDER}") is None:
        return []
    entries = [each for each in await git.tree(f"{sha}:{FOLDER}") if re.search(r"\.(ya?ml)$", each.path)]
    found = await git.objects([each.oid for each in entries])
    made = []
    for entry, content in zip(entries, found, strict=True):
        if content is None or entry.path.startswith("config.") or len(content.content) > LARGEST_FORM:
            continue
        try:
            made.append(_form(entry.path, yaml.safe_load(content.content)))
        except (yaml.YAMLError, TypeError, KeyError, AttributeError, UnicodeDecodeError):
            continue
    return made


def body_of(form: Form, given: dict[str, str]) -> str:
    """The body that GitHub writes: a heading and the answer for each field; raises 422 for one left out."""
    parts = []
    for field in form.fields:
        if field.kind == "markdown":
            continue
        answered = given.get(f"field-{field.id}", "").replace("\r\n", "\n").strip()
        if field.kind == "checkboxes":
            ticked = [f"field-{field.id}-{at}" in given for at in range(len(field.options))]
            marks = zip(ticked, field.options, strict=True)
            answered = "\n".join(f"- [{'X' if mark else ' '}] {option}" for mark, option in marks)
        if field.required and not answered:
            raise unprocessable(f"{field.label} is needed.")
        parts.append(f"### {field.label}\n\n{answered or '_No response_'}")
    return "\n\n".join(parts)


def _form(file: str, document: Json) -> Form:
    labels = document.get("labels") or ()
    names = labels.split(",") if isinstance(labels, str) else labels
    fields = tuple(_field(each, at) for at, each in enumerate(document.get("body") or ()))
    return Form(
        file=file,
        name=str(document["name"]),
        about=str(document.get("description", "")),
        title=str(document.get("title") or ""),
        labels=tuple(str(name).strip() for name in names),
        fields=fields,
    )


def _field(given: Json, at: int) -> Field:
    attributes = given.get("attributes") or {}
    options = [each.get("label", "") if isinstance(each, dict) else each for each in attributes.get("options") or ()]
    return Field(
        id=re.sub(r"[^A-Za-z0-9_-]", "", str(given.get("id") or at)),
        kind=str(given["type"]),
        label=str(attributes.get("label", "")),
        description=str(attributes.get("description") or ""),
        value=str(attributes.get("value") or ""),
        options=tuple(str(option) for option in options),
        required=bool((given.get("validations") or {}).get("required")),
    )
