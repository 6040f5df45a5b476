"""Version files as real projects lay them out; « » stand around each place where the version is."""

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import places
from bot.core.errors import Refused

LAYOUTS: dict[str, tuple[str, str]] = {
    "a package's module, with a comment": ("digits/__init__.py", '__version__ = "«1.2.3»"  # released by the bot\n'),
    "a single digit with a comment": ("digits/__init__.py", '__version__ = "«1»"  # comment\n'),
    "with single quotes and more names": (
        "digits/__init__.py",
        (
            '"""Digits."""\n\nfrom .api import predict\n\n__version__ = \'«1.2.3»\'\n'
            '__author__ = "Ada"\n__all__ = ["predict"]\n'
        ),
    ),
    "with an annotation": ("digits/__init__.py", 'from typing import Final\n\n__version__: Final[str] = "«1.2.3»"\n'),
    "with umlauts before it on its line": ("digits/__init__.py", 'name = "Zähler €"; __version__ = "«1.2.3»"; x = 1\n'),
    "with CRLF and a mark of the byte order": (
        "digits/__init__.py",
        '\ufeff"""Digits.\r\n\r\nVersion 1.2.3.\r\n"""\r\n__version__ = "«1.2.3»"\r\n',
    ),
    "with a form feed in a line": ("digits/__init__.py", '# one\x0ctwo\n\x0c\n__version__ = "«1.2.3»"\n'),
    "in parentheses over several lines": ("digits/__init__.py", '__version__ = (\n    "«1.2.3»"  # here\n)\n'),
    "two names of one version": ("digits/_version.py", 'version = __version__ = "«1.2.3»"\n'),
    "a raw triple-quoted text": ("digits/version.py", '__version__ = r"""«1.2.3»"""\n'),
    "a file about the project": (
        "src/digits/__about__.py",
        '__title__ = "digits"\n__version__ = "«1.2.3»"\n__copyright__ = "2026 1.2.3 Ltd"\n',
    ),
    "a plain name in version.py": ("digits/version.py", 'version = "«1.2.3»"\nshort = "1.2"\n'),
    "a tuple from which the text is made": (
        "digits/version.py",
        'VERSION = («1, 2, 3»)\n__version__ = ".".join(map(str, VERSION))\n',
    ),
    "a text and a tuple that agree": (
        "digits/__init__.py",
        '__version__ = "«1.2.3»"\n__version_info__ = («1, 2, 3»)\n',
    ),
    "a module with an odd escape": ("digits/__init__.py", 'PATTERN = "\\d+"\n__version__ = "«1.2.3»"\n'),
    "a Flask application in one file": (
        "app.py",
        (
            "import os\n\nfrom flask import Flask\n\n__version__ = '«1.2.3»'\napplication = Flask(__name__)\n\n\n"
            '@application.get("/")\ndef version():\n    return {"version": __version__}\n'
        ),
    ),
    "a WSGI module": ("wsgi.py", 'from digits import create_app\n\nVERSION = "«1.2.3»"\napplication = create_app()\n'),
    "a FastAPI application": (
        "app.py",
        'from fastapi import FastAPI\n\napp = FastAPI(\n    title="Digits",\n    version="«1.2.3»",\n)\n',
    ),
    "an application whose interface has a version of its own": (
        "app.py",
        '__version__ = "«1.2.3»"\napp = FastAPI(version="2")\n',
    ),
    "setup.py with the version in the call": (
        "setup.py",
        (
            '#!/usr/bin/env python3\nfrom setuptools import find_packages, setup\n\nsetup(\n    name="digits",\n'
            '    version="«1.2.3»",\n    packages=find_packages(),\n    install_requires=["flask>=1.2.3"],\n)\n'
        ),
    ),
    "setup.py with a constant": (
        "setup.py",
        'import setuptools\n\nRELEASE = "«1.2.3»"\nsetuptools.setup(name="digits", version=RELEASE)\n',
    ),
    "setup.py with a constant of a known name": ("setup.py", '__version__ = "«1.2.3»"\nsetup(version=__version__)\n'),
    "setup.cfg": (
        "setup.cfg",
        (
            "[metadata]\nname = digits\nversion = «1.2.3»\nauthor = Ada\n\n[options]\ninstall_requires =\n    flask\n"
            "\n[tool:pytest]\nversion = 9\n"
        ),
    ),
    "setup.cfg with a colon": ("setup.cfg", "[metadata]\r\nname: digits\r\nversion: «1.2.3»\r\n"),
    "bumpversion's own file": (
        ".bumpversion.cfg",
        "[bumpversion]\ncurrent_version = «1.2.3»\ncommit = True\n\n[bumpversion:file:setup.py]\n",
    ),
    "pyproject.toml of the standard": (
        "pyproject.toml",
        (
            '[build-system]\nrequires = ["setuptools>=61"]\n\n[project]\nname = "digits"  # ours\n'
            'version = "«1.2.3»"  # keep this comment\ndependencies = [\n    "flask",  # and this one\n]\n\n'
            '[tool.other]\nversion = "1.2.3"\n'
        ),
    ),
    "pyproject.toml of Poetry with literal text": (
        "pyproject.toml",
        (
            "[tool.poetry]\nname = 'digits'\nversion = '«1.2.3»'\n\n"
            "[tool.poetry.dependencies]\nflask = { version = '1.2.3' }\n"
        ),
    ),
    "two tools in one pyproject.toml": (
        "pyproject.toml",
        (
            '[project]\nname = "digits"\nversion = "«1.2.3»"\n\n'
            '[tool.commitizen]\nversion = "«1.2.3»"\ntag_format = "v$version"\n'
        ),
    ),
    "tables with dots and in one line": (
        "pyproject.toml",
        'project.name = "digits"\nproject.version = "«1.2.3»"\ntool = { bumpver = { current_version = "«1.2.3»" } }\n',
    ),
    "a TOML file with CRLF and a mark of the byte order": (
        "pyproject.toml",
        '\ufeff[project]\r\nname = "1.2.3"\r\nversion = "«1.2.3»"\r\n',
    ),
    "a table that has the version as a key": (
        "pyproject.toml",
        '"1.2.3" = 1\n"0.0.0+another" = 2\n[project]\nversion = "«1.2.3»"\n',
    ),
    "a crate": ("rust/Cargo.toml", '[package]\nname = "digits"\nversion = "«1.2.3»"\nedition = "2021"\n'),
    "a citation": (
        "CITATION.cff",
        (
            'cff-version: 1.2.0\nmessage: "Please cite."\ntitle: Digits\nversion: «1.2.3»  # of the software\n'
            "references:\n  - type: software\n    version: 1.2.3\n"
        ),
    ),
    "a citation with quotes": ("CITATION.cff", "cff-version: 1.2.0\nversion: '«1.2.3»'\n"),
    "an OpenAPI description": (
        "openapi.yaml",
        'openapi: 3.1.0\ninfo:\n  title: Digits\n  version: "«1.2.3»"\npaths: {}\ncomponents: {version: 1.2.3}\n',
    ),
    "an OpenAPI description in JSON with tabs": (
        "docs/openapi.json",
        (
            '{\n\t"openapi": "3.1.0",\n\t"info": {\n\t\t"title": "Digits",\n'
            '\t\t"version": "«1.2.3»"\n\t},\n\t"paths": {}\n}\n'
        ),
    ),
    "a Helm chart": (
        "chart/Chart.yaml",
        'apiVersion: v2\nname: digits\nversion: 0.7.1\nappVersion: "«1.2.3»"\n',
    ),
    "a kustomization": (
        "manifests/kustomization.yaml",
        (
            "resources: [deployment.yaml]\nlabels:\n  - pairs:\n      app.kubernetes.io/name: digits\n"
            "      app.kubernetes.io/version: «1.2.3»\nimages:\n  - name: redis\n    newTag: 7.2.4\n"
        ),
    ),
    "a deployment and its service": (
        "manifests/digits.yaml",
        (
            "kind: Deployment\nmetadata:\n  labels:\n    app.kubernetes.io/version: «1.2.3»\nspec:\n  template:\n"
            "    metadata:\n"
            '      labels: {app.kubernetes.io/version: "«1.2.3»"}\n---\nkind: Service\nmetadata: {name: digits}\n'
        ),
    ),
    "an npm package": ("package.json", '{"name": "page", "version": "«1.2.3»", "dependencies": {"x": "1.2.3"}}'),
    "a file with nothing else": ("VERSION", "«1.2.3»\n"),
    "a marked line of a Containerfile": (
        "Containerfile",
        'FROM python:3.11\nLABEL version="«1.2.3»"  # bolide:version\nENV OTHER=1.2.3\n',
    ),
    "a marked line of the README": (
        "README.md",
        "# Digits\n\n`pip install digits==«1.2.3»` <!-- bolide:version -->\n\nSince 1.2.3 it is fast.\n",
    ),
    "a marked tag of an image": (
        "manifests/overlays/kustomization.yaml",
        "images:\n  - name: digits\n    newTag: v«1.2.3»  # bolide:version\n",
    ),
}


@pytest.mark.parametrize(("path", "marked"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_is_read_and_only_its_version_changes(path: str, marked: str) -> None:
    text = re.sub("[«»]", "", marked)
    old = {found.replace(", ", ".") for found in re.findall("«(.*?)»", marked)}
    assert {place.version for place in places.read(path, text)} == old
    written = re.sub("«(.*?)»", lambda found: "2.0.10".replace(".", ", " if "," in found[1] else "."), marked)
    assert places.write(path, text, "2.0.10") == written


def test_there_are_enough_layouts() -> None:
    assert len(LAYOUTS) >= 25


CONTRADICTIONS = [
    ("a.py", "", 'a.py has no version in a form that Bolide knows; write `__version__ = "1.2.3"` in it.'),
    ("a.py", "def f():\n    __version__ = '1'\n", "a.py has no version in a form"),
    ("a.py", "# __version__ = '1'", "a.py has no version in a form"),
    ("a.py", "__version__ = get()\n", "a.py has no version in a form"),
    ("a.py", "__version__ = '1.' '2'\n", "a.py has no version in a form"),
    ("a.py", "__version__ = '1.\\x32'\n", "a.py has no version in a form"),
    ("a.py", "__version__ = f'1.{2}'\n", "a.py has no version in a form"),
    ("a.py", "__version__ = ''\nVERSION: str\n(a, b) = 1, 2\nVERSION_INFO = (1, x)\nf()()\n", "a.py has no version"),
    ("a.py", "version_info = (1,)\nVERSION = (1, 'a')\n", "a.py has no version in a form"),
    ("a.py", "version = '1.0'\n", "a.py has no version in a form"),
    (
        "a.py",
        "__version__ = 'Initial release'\n",
        "a.py __version__ says 'Initial release', which is no version (PEP 440)",
    ),
    ("a.py", "__version__ = '1'\n__version_info__ = (2, 0)\n", "contradict one another: a.py __version__ says 1, a.py"),
    ("a.py", "__version__ = \n", "a.py line 1 is not Python that can be read"),
    ("a.py", "__version__ = '1'\0", "a.py is not Python that can be read"),
    (
        "_version.py",
        "# file generated by setuptools-scm\n__version__ = '1'\n",
        "is written by setuptools-scm from the tags",
    ),
    ("setup.py", "setup(version=get_version(), name=N)\nsetup(version=V)\n", "setup.py has no version in a form"),
    ("setup.cfg", "[metadata]\nversion = attr: digits.__version__\n", "takes its version from 'digits.__version__'"),
    (
        "setup.cfg",
        "[metadata]\nversion =\n[options]\n",
        "setup.cfg has no version in a form that Bolide knows; end the",
    ),
    ("p.toml", "[project]\ndynamic = ['version']\n", 'write `version = "1.2.3"` under [project]'),
    ("p.toml", "[tool.x]\nversion = '1'\n", "p.toml has no version in a form"),
    ("p.toml", "[project]\nversion = '1'\n[tool.poetry]\nversion = '2'\n", "contradict one another: p.toml [project]"),
    ("p.toml", '[project]\nversion = "1.\\u0032"\n', "p.toml spells project.version in a way that cannot be rewritten"),
    ("p.toml", '[project]\nversion = "1.0"\n"1.0" = "1.\\u0030"\nx = [', "p.toml is not TOML"),
    ("Chart.yaml", "appVersion: [1, 2]\n", "Chart.yaml has no version in a form"),
    ("Chart.yaml", "appVersion: >\n  1.2.3\n", "Chart.yaml has no version in a form"),
    ("k.yaml", "labels: none\n", "k.yaml has no version in a form"),
    ("Chart.yaml", "- a\n", "Chart.yaml has no version in a form"),
    ("Chart.yaml", "", "Chart.yaml has no version in a form"),
    ("Chart.yaml", "a: [\n", "Chart.yaml line 2 is not YAML that can be read"),
    ("Chart.yaml", "a: \x01\n", "Chart.yaml is not YAML that can be read"),
    ("openapi.json", '{"info": {"version": }', "openapi.json line 1 is not JSON that can be read"),
    ("Chart.yaml", "a: &x 1\nappVersion: *x\n", "nested too deep or has YAML aliases"),
    ("Chart.yaml", "[" * 100, "nested too deep or has YAML aliases"),
    ("VERSION", "one two\n", "VERSION has no version in a form"),
    ("README.md", "1.2.3\n", "README.md has no version in a form that Bolide knows; end the line where it stands"),
    (
        "README.md",
        "now <!-- bolide:version -->\n",
        "README.md line 1 is marked with `bolide:version` and has no version",
    ),
    (
        "README.md",
        "\n1.2 or 1.3 <!-- bolide:version -->\n",
        "README.md line 2 is marked with `bolide:version` and has 2",
    ),
]


@pytest.mark.parametrize(("path", "text", "sentence"), CONTRADICTIONS)
def test_a_place_that_is_unknown_or_contradicts_is_said(path: str, text: str, sentence: str) -> None:
    for attempt in (lambda: places.read(path, text), lambda: places.write(path, text, "2")):
        with pytest.raises(Refused) as raised:
            attempt()
        assert sentence in str(raised.value)
        assert str(raised.value).endswith(".")


def test_a_candidate_does_not_fit_into_a_tuple_of_numbers() -> None:
    with pytest.raises(Refused, match=r"v\.py VERSION is a tuple of numbers and cannot say 2\.0rc1"):
        places.write("v.py", "VERSION = (1, 2)\n", "2.0rc1")


def test_a_plain_yaml_number_becomes_what_the_version_is() -> None:
    assert places.write("Chart.yaml", "appVersion: 1.2\n", "1.10.0") == "appVersion: 1.10.0\n"


def test_versions_that_python_calls_equal_do_not_contradict() -> None:
    written = places.write("p.toml", "[project]\nversion = '1.2'\n[tool.poetry]\nversion = '1.2.0'\n", "1.3.0")
    assert tomllib.loads(written)["tool"]["poetry"]["version"] == "1.3.0"


def test_what_would_not_be_read_again_is_refused() -> None:
    with pytest.raises(Refused, match=r"README\.md line 1 is marked with `bolide:version` and has no version"):
        places.write("README.md", "1.2.3 <!-- bolide:version -->\n", "7")
    with pytest.raises(Refused, match=r"VERSION would not say 2\.0-rc1 after the change"):
        places.write("VERSION", "1.2.3\n", "2.0-rc1")


@given(
    st.from_regex(
        r"(?:[1-9]!)?(?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,2})){1,3}(?:rc[0-9]|\.post[0-9]|\.dev[0-9])?",
        fullmatch=True,
    ),
    st.sampled_from([path_and_text for name, path_and_text in LAYOUTS.items() if "tuple" not in name]),
)
def test_what_was_written_is_read(version: str, layout: tuple[str, str]) -> None:
    path, text = layout[0], re.sub("[«»]", "", layout[1])
    written = places.write(path, text, version)
    assert {place.version for place in places.read(path, written)} == {version}
    original = places.read(path, text)[0].version
    assert places.write(path, written, original) == text


def test_where_a_version_usually_stands() -> None:
    tree = ["setup.py", "digits/__init__.py", "digits/core/__init__.py", "src/more/__about__.py", "tests/__init__.py"]
    assert places.usual([*tree, "README.md", "pyproject.toml"]) == (
        "pyproject.toml",
        "setup.py",
        "digits/__init__.py",
        "src/more/__about__.py",
    )
