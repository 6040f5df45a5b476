"""What the doctor finds in a repository: each thing that is not well has its remedy."""

from collections.abc import Mapping

import pytest

from bot.core import argocd, diagnosis
from bot.core.argocd import Source
from bot.core.diagnosis import Finding
from bot.core.ports import Unreadable
from tests.managers.memory_forge import MemoryReader
from tests.managers.world import FILES, PIPFILE, World, lock

GOOD = {**FILES, "digits/app.py": "x\n", "Pipfile.lock": lock(flask="2.2.5", werkzeug="2.2.3")}
APPLICATION = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
spec:
  source: {repoURL: https://github.com/ada/digits.git, path: manifests/app}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
spec:
  template:
    spec:
      sources:
        - {repoURL: https://github.com/ada/digits, path: manifests/old}
        - {repoURL: https://github.com/ada/other, path: x}
        - {chart: redis}
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
"""


async def examined(files: Mapping[str, str | Unreadable]) -> list[Finding]:
    world = World()
    world.repository.push({**dict.fromkeys(FILES, ""), **files})
    return list(await diagnosis.examine(MemoryReader(world.forge)))


def told(findings: list[Finding], state: str) -> list[str]:
    return [f"{finding.thing} → {finding.remedy}" for finding in findings if finding.state == state]


async def test_a_repository_that_is_well() -> None:
    found = await examined(GOOD)
    assert told(found, "missing") == []
    assert told(found, "limited") == []
    things = [finding.thing for finding in found]
    assert things == [
        "configured by .github/bolide.yaml",
        "managers that are off: requirements, labels, base-images",
        "environments: default",
        "service: app:create_app()",
        "training: none",
        "Pipfile.lock matches Pipfile",
        "version 1.2.3 in digits/__init__.py, pyproject.toml",
    ]


async def test_without_any_configuration() -> None:
    found = await examined({"version.py": '__version__ = "1"\n', "README.md": "x\n"})
    things = [finding.thing for finding in found]
    assert "configured by nothing: every default holds" in things
    assert "version 1 in version.py" in things
    assert told(await examined({"README.md": "x\n"}), "missing") == []


WRONG: list[tuple[dict[str, str | Unreadable], str]] = [
    ({".github/bolide.yaml": "pyton: 3\n"}, "the configuration → .github/bolide.yaml line 1, column 1: `pyton`"),
    ({"Pipfile.lock": ""}, "Pipfile.lock is not there → Lock Pipfile"),
    ({"Pipfile.lock": "{"}, "Pipfile.lock → "),
    ({"Pipfile": PIPFILE + 'requests = "*"\n'}, "Pipfile.lock does not match: its hash is not that of Pipfile; "),
    (
        {"pyproject.toml": '[project]\nversion = "2.0.0"\n'},
        "versions contradict: 1.2.3 in digits/__init__.py; 2.0.0 in",
    ),
    ({"pyproject.toml": "[project]\n"}, "the version in pyproject.toml → "),
    (
        {".github/bolide.yaml": "training: {train: [x], inputs: [learn]}\nservice: {wsgi: 'a:b', inputs: [.]}\n"},
        "`training.inputs` names learn → There is no such path",
    ),
    ({"app.yaml": APPLICATION}, "app.yaml: Argo CD watches manifests/old → There is no such path; correct it."),
    ({"setup.cfg": "[metadata]\nname = <your-project>\n"}, "setup.cfg line 2: '<your-project>' → A template left it"),
    ({".thoth.yaml": "host: x.org\nvirtualenv: CHANGE_ME\n"}, ".thoth.yaml line 2: 'CHANGE_ME' → A template left it"),
    (
        {".aicoe-ci.yaml": "deploy: {overlay-contextpath: a/b.yaml}\n"},
        ".aicoe-ci.yaml: `overlay-contextpath` is 'a/b.yaml' → There is no such file",
    ),
]


@pytest.mark.parametrize(("files", "sentence"), WRONG)
async def test_what_is_wrong_is_said_with_its_remedy(files: dict[str, str | Unreadable], sentence: str) -> None:
    found = told(await examined({**GOOD, "manifests/app/kustomization.yaml": "x: 1\n", **files}), "missing")
    assert [line for line in found if line.startswith(sentence)], found


async def test_where_the_service_is_declared_is_looked_at() -> None:
    deploy = "deploy: {image: r.example.org/a/b, overlay: apps/eu, url: 'https://d.example.org'"
    guests = "deployments_from: [{repository: ada/x, below: x}]\n"
    config = FILES[".github/bolide.yaml"]
    found = await examined({**GOOD, ".github/bolide.yaml": f"{config}{guests}{deploy}}}\n"})
    assert told(found, "missing") == [
        "`deployments_from` names x → There is no such path; correct it.",
        "`deploy.overlay` names apps/eu/kustomization.yaml → There is no such path; correct it.",
    ]
    elsewhere = await examined({**GOOD, ".github/bolide.yaml": f"{config}{deploy}, repository: ops/e}}\n"})
    assert told(elsewhere, "missing") == []
    (said,) = told(elsewhere, "limited")
    assert said.startswith("the service is declared in apps/eu of ops/e → `doctor ops/e` looks there; its")
    branch = await examined({**GOOD, ".github/bolide.yaml": f"{config}{deploy}, branch: live}}\n"})
    assert told(branch, "missing") == []


async def test_what_has_no_effect_is_said() -> None:
    thoth = (
        "host: thoth.example.org\ncolour: blue\nruntime_environments:\n"
        "  - {name: gpu, python_version: '3.9'}\n  - {name: default, python_version: '3.11'}\n"
    )
    files = {**GOOD, ".thoth.yaml": thoth, ".aicoe-ci.yaml": "check: [x]\n", "app.yaml": APPLICATION}
    found = await examined({**files, "overlays/a b/Pipfile": PIPFILE, "manifests/app/x.yaml": "y: 1\n"})
    limited = "\n".join(told(found, "limited"))
    for sentence in (
        "`colour` is not a key",
        "runtime environment gpu → There is no lock in overlays/gpu; add one.",
        ".aicoe-ci.yaml: `check` (x) comes to",
        "app.yaml: Argo CD watches x of other, not looked into",
        "'overlays/a b' cannot name an environment",
    ):
        assert sentence in limited
    assert any(finding.thing == "advice is asked of thoth.example.org" for finding in found)


async def test_a_python_that_contradicts_is_said() -> None:
    found = await examined(
        {**GOOD, "Pipfile": f'{PIPFILE}\n[requires]\npython_version = "3.10"\n', ".python-version": "3.12\n"}
    )
    assert any(finding.thing == "the Python of Pipfile" for finding in found if finding.state == "limited")


async def test_a_file_of_another_tool_that_cannot_be_read_is_said() -> None:
    found = await examined({**GOOD, ".aicoe-ci.yaml": "check: 3\n"})
    assert "AICoE-CI's file → .aicoe-ci.yaml line 1, column 8: `check` is no list of words; write `[a, b]`." in told(
        found, "limited"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (APPLICATION, (Source("digits", "manifests/app"), Source("digits", "manifests/old"), Source("other", "x"))),
        ("kind: Application # argoproj.io\nspec: 3\n", ()),
        ("- argoproj.io\n", ()),
        ("argoproj.io: [\n", ()),
        ("a: &a [argoproj.io]\nb: [*a, *a]\n", ()),
        ("kind: Deployment\n", ()),
    ],
)
def test_argo_cds_sources(text: str, found: tuple[Source, ...]) -> None:
    assert argocd.sources(text) == found
