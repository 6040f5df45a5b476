"""pyproject.toml and uv.lock: what is handed to uv, what is refused, and what a lock installs."""

import tomllib

import pytest

from bot.core import uvproject
from bot.core.pipfile import PipfileError

PLACE = "pyproject.toml"
PROJECT = """\
[project]
name = "digits"
version = "1"
dependencies = ["flask[async]>=2,<4 ; python_version >= '3.9'"]
[project.scripts]
digits = "digits:main"
[dependency-groups]
dev = ["pytest", {include-group = "docs"}]
docs = ["sphinx"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.uv]
prerelease = "allow"
constraint-dependencies = ["werkzeug<4"]
cache-keys = [{file = "x"}]
[tool.uv.sources]
flask = {index = "ours"}
[[tool.uv.index]]
name = "ours"
url = "https://example.org/simple"
[tool.hatch]
version = {source = "vcs"}
"""
LOCK = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "digits"
version = "1"
source = { virtual = "." }
dependencies = [
    { name = "flask", extra = ["async"] },
    { name = "colorama", marker = "sys_platform == 'win32'" },
    { name = "numpy", version = "1.26", marker = "python_full_version < '3.10'" },
    { name = "numpy", version = "2.1", marker = "python_full_version >= '3.10'" },
]

[package.metadata]
requires-dist = [{ name = "flask" }]

[[package]]
name = "flask"
version = "3.1"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "click" }]
sdist = { url = "https://x/f.tar.gz", hash = "sha256:bb", upload-time = "2026-01-02T00:00:00Z" }
wheels = [{ url = "https://x/f.whl", hash = "sha256:aa", upload-time = "2026-01-01T00:00:00Z" }]

[package.optional-dependencies]
async = [{ name = "asgiref" }]

[[package]]
name = "asgiref"
version = "3.8"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "flask" }]

[[package]]
name = "click"
version = "8"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "colorama"
version = "0.4"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "numpy"
version = "1.26"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "numpy"
version = "2.1"
source = { registry = "https://pypi.org/simple" }
"""


def test_uv_is_handed_what_names_packages_and_nothing_that_runs() -> None:
    wanted, project, settings, unversioned = uvproject.parse("\ufeff" + PROJECT.replace("\n", "\r\n"), PLACE)
    told = tomllib.loads(project)
    assert told["build-system"] == uvproject.BUILD_SYSTEM
    assert set(told) == {"project", "dependency-groups", "build-system", "tool"}
    assert set(told["project"]) == {"name", "version", "dependencies"}
    assert set(told["tool"]["uv"]) == {"constraint-dependencies", "sources", "index"}
    assert set(tomllib.loads(settings)) == {"prerelease", "index"}
    assert unversioned is False
    assert [source.url for source in wanted.sources] == ["https://pypi.org/simple", "https://example.org/simple"]
    assert {name: list(section) for name, section in wanted.categories.items()} == {
        "packages": ["flask"],
        "dev-packages": [],
        "dev": ["pytest"],
        "docs": ["sphinx"],
    }
    assert wanted.categories["packages"]["flask"].pep508 == 'flask[async]<4,>=2 ; python_version >= "3.9"'


def test_a_project_without_a_version_or_a_build_is_told() -> None:
    _, project, _, unversioned = uvproject.parse('[project]\nname = "x"\ndynamic = ["version"]\n', PLACE)
    assert unversioned
    assert tomllib.loads(project)["project"] == {"name": "x", "version": "0"}
    lock = 'name = "x-y"\nversion = "0"\nsource = { editable = "." }\n\nname = "x"\nversion = "0"\nsource = { registry'
    assert uvproject.without_own_version(lock, "X_Y").count('version = "0"') == 1


INDEX = '[project]\nname = "x"\n[[tool.uv.index]]\n'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[tool.uv]\n", "has no [project] table"),
        ("[project\n", "pyproject.toml is not TOML"),
        ("x = " + "[" * 10_000, "pyproject.toml is not TOML"),
        ("#" * 600_000, "the limit is 524,288"),
        ("<<<<<<< ours\n", "pyproject.toml is not TOML"),
        ('[project]\nname = "x"\ndynamic = ["dependencies"]\n', "has its dependencies made by a build"),
        ('[project]\nname = "x"\ndependencies = "flask"\n', "is no list of requirements"),
        ('[project]\nname = "x"\ndependencies = ["--index-url=x"]\n', "is not a requirement"),
        ('[project]\nname = "x"\ndependencies = ["a @ git+ext://x"]\n', "a comes from an address"),
        ('[project]\nname = "x"\n[tool.uv.workspace]\nmembers = ["*"]\n', "`tool.uv.workspace` is not followed"),
        ('[project]\nname = "x"\n[tool.uv]\nfind-links = ["/etc"]\n', "`tool.uv.find-links` is not followed"),
        ('[project]\nname = "x"\n[tool.uv]\nexclude-newer = "2026-01-01"\n', "stands against every newer release"),
        ('[project]\nname = "x"\n[tool.uv.sources]\na = {path = "../a"}\n', "a comes from its `path`"),
        ('[project]\nname = "x"\n[tool.uv.sources]\na = [{git = "https://x"}]\n', "a comes from its `git`"),
        (f'{INDEX}url = "http://x.org/simple"\n', "an index must be read over https"),
        (f'{INDEX}url = "https://x/${{S}}"\n', "has a variable in its url"),
        (f'{INDEX}url = "https://x.org/"\nformat = "flat"\n', "of the format 'flat' is not read"),
        (f"{INDEX}url = 3\n", "needs a url"),
    ],
)
def test_what_could_run_code_or_leave_the_index_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(PipfileError) as refused:
        uvproject.parse(text, PLACE)
    assert sentence in str(refused.value)


def test_a_lock_tells_what_it_installs_on_linux() -> None:
    wanted = uvproject.parse(PROJECT, PLACE)[0]
    lock, required_by = uvproject.parse_lock(LOCK, wanted, "3.11.4", "uv.lock")
    assert {name: each["version"] for name, each in lock["default"].items()} == {
        "flask": "==3.1",
        "click": "==8",
        "asgiref": "==3.8",
        "numpy": "==2.1",
    }
    assert lock["default"]["flask"]["hashes"] == ["sha256:aa", "sha256:bb"]
    assert required_by == {"click": ("flask",), "asgiref": ("flask",), "flask": ("asgiref",)}
    older, _ = uvproject.parse_lock(LOCK, wanted, "3.9", "uv.lock")
    assert older["default"]["numpy"]["version"] == "==1.26"
    assert uvproject.uploads(LOCK)["flask"] == ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
    assert uvproject.uploads("") == {}
    assert uvproject.project_of(LOCK) != uvproject.project_of(LOCK.replace('{ name = "flask" }]', "]"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        "version = 1",
        LOCK.replace("version = 1\n", "version = 2\n", 1),
        LOCK.replace('{ virtual = "." }', '{ virtual = "../other" }'),
        LOCK.replace('{ registry = "https://pypi.org/simple" }', '{ git = "https://x.org" }', 1),
    ],
)
def test_what_is_no_lock_of_indexes_is_refused(text: str) -> None:
    with pytest.raises(PipfileError, match=r"uv\.lock is no lock that uv made"):
        uvproject.parse_lock(text, uvproject.parse(PROJECT, PLACE)[0], "3.11", "uv.lock")


def test_limits_leave_no_trace() -> None:
    head = 'version = 1\n\n[options]\nexclude-newer = "2026-01-01T00:00:00Z"\n\n'
    packages = '[options.exclude-newer-package]\napp = "2026-02-01T00:00:00Z"\nlib = "x"\n\n[[package]]\n'
    assert uvproject.without_limits(head + packages) == "version = 1\n\n[[package]]\n"
    mixed = 'version = 1\n\n[options]\nprerelease-mode = "allow"\nexclude-newer = "x"\n\n[[package]]\n'
    assert uvproject.without_limits(mixed) == mixed.replace('exclude-newer = "x"\n', "")


@pytest.mark.parametrize(
    ("requires", "version"),
    [(">=3.11", ""), ("==3.11.*", "3.11"), ("~=3.12.1", "3.12"), ("", ""), ("<3", "")],
)
def test_the_one_python_of_a_project(requires: str, version: str) -> None:
    assert uvproject.python_of(f'[project]\nrequires-python = "{requires}"\n') == version
