"""Sections and kinds, on a section of every kind: what is read, what is refused, and that the JSON Schema agrees."""

import json
from dataclasses import dataclass
from typing import Annotated, Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import repoconfig, sections, yamltext
from bot.core.kinds import (
    FOLDER,
    ROUTE,
    WSGI,
    Choice,
    Day,
    Flag,
    Kind,
    Listed,
    Plain,
    PythonVersion,
    Text,
    Whole,
    Words,
)
from bot.core.repoconfig import RepoConfig
from bot.core.sections import Needed, Section
from bot.core.yamltext import ConfigError, Spot


@dataclass(frozen=True, slots=True)
class Inner:
    name: Annotated[str, Text("[a-z]+", "write small letters."), "what it is called", Needed("ant")] = ""
    at_most: Annotated[int, Whole(1, 20), "how many"] = 3


@dataclass(frozen=True, slots=True)
class Sample:
    python: Annotated[str, PythonVersion(), "a version"] = ""
    whole: Annotated[int, Whole(0, 99, "days"), "a number"] = 7
    flag: Annotated[bool, Flag(), "yes or no"] = False
    day: Annotated[str, Day(), "a day"] = ""
    choice: Annotated[str, Choice(("latest", "stable")), "one of two"] = "latest"
    words: Annotated[tuple[str, ...], Words(1), "some words"] = ("a",)
    wsgi: Annotated[str, WSGI, "an application"] = ""
    route: Annotated[str, ROUTE, "a path"] = ""
    plain: Annotated[str, Plain(), "a word"] = ""
    folder: Annotated[str, FOLDER, "a folder"] = "overlays"
    inner: Annotated[Inner | None, Section(Inner), "a section"] = None
    many: Annotated[tuple[Inner, ...], Listed(Section(Inner)), "sections"] = ()


def read(text: str, *, foreign: bool = False) -> tuple[dict[str, Any], list[str]]:
    spot = Spot("a.yaml", foreign=foreign)
    node = yamltext.compose(text, "a.yaml")
    assert node is not None
    return sections.read(Sample, node, spot), spot.noted


def test_every_kind_is_read() -> None:
    text = """\
python: 3.10
whole: 42
flag: yes
day: 2027-01-31
choice: stable
words: [1, on, x]
folder: a/b-c
inner: {name: ant}
many:
  - name: bee
    at_most: 2
"""
    assert read(text)[0] == {
        "python": "3.10",
        "whole": 42,
        "flag": True,
        "day": "2027-01-31",
        "choice": "stable",
        "words": ("1", "on", "x"),
        "folder": "a/b-c",
        "inner": Inner("ant"),
        "many": (Inner("bee", 2),),
    }


ERRORS = [
    ("flag: maybe", "line 1, column 7: `flag` is 'maybe'; write `true` or `false`."),
    ("flag: 'true'", "`flag` is 'true'"),
    ("day: 31.1.2027", "`day` is '31.1.2027'; write a day such as 2027-01-31."),
    ("choice: newest", "`choice` is 'newest'; choose one of latest, stable."),
    ("whole: '7'", "`whole` is '7'; give a number of days from 0 to 99."),
    ("inner: {name: ant, at_most: 21}", "`inner.at_most` is '21'; give a number from 1 to 20."),
    ("many: 3", "`many` is no list; begin each item on a line of its own with `- `."),
    ("many: [{name: ant}, {nam: bee}]", "line 1, column 22: `many[1].nam` is not a key; did you mean `name`?"),
    ("many: [{at_most: 2}]", "`many[0]` has no `name`; give it one, such as `name: ant`."),
    ("words: [~]", "`words` is no list of words"),
    ("folder: ../up", "`folder` is '../up'; write a folder of the repository"),
    ("folder: 2024", "`folder` is '2024', which YAML does not take for text; put it in quotes."),
    ("folder: /etc", "`folder` is '/etc'"),
]


@pytest.mark.parametrize(("text", "sentence"), ERRORS)
def test_an_error_names_place_key_and_remedy(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert str(raised.value).startswith("a.yaml line 1, column ")
    assert sentence in str(raised.value)


def test_an_unknown_key_of_a_foreign_file_is_noted_and_the_rest_is_read() -> None:
    values, noted = read("hosts: x\nwhole: 1\nmany: [{name: ant, colour: red}]", foreign=True)
    assert values == {"whole": 1, "many": (Inner("ant"),)}
    assert noted == [
        f"a.yaml line 1, column 1: `hosts` is not a key; known keys: {', '.join(Sample.__slots__)}.",
        "a.yaml line 3, column 20: `many[0].colour` is not a key; known keys: name, at_most.",
    ]


def test_the_table_shows_every_key_with_default_and_meaning() -> None:
    rows = {name: (default, why) for name, default, why in sections.table(Sample)}
    assert rows["flag"] == ("`false`", "yes or no")
    assert rows["whole"] == ("`7`", "a number")
    assert rows["python"] == ("", "a version")
    assert rows["words"] == ("`[a]`", "some words")
    assert rows["many[].name"] == ("must be given", "what it is called")
    assert rows["inner.at_most"] == ("`3`", "how many")


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 400)
    | st.sampled_from([2.7, 3.1, 3.11, 3.99, 4.5])
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


SAMPLES: dict[type[Any], list[Any]] = {
    Plain: ["x", 8, 1.5, True, ""],
    Flag: [True, False],
    Day: ["2027-01-31", "2027-13-01", "2027-1-1", "27-01-01"],
    PythonVersion: ["3.11", "3.9.1", "3.123", "3.0", 3.9, 3.12, 3.999, 3, 3.0, 2.7],
}


def fitting(kind: Kind) -> st.SearchStrategy[Any]:
    """Values that a kind should take, with borders."""
    match kind:
        case Section(of=of):
            return documents(of)
        case Listed(kind=inner):
            return st.lists(fitting(inner), max_size=2)
        case Whole(low=low, high=high):
            return st.sampled_from([low - 1, low, high, high + 1, float(low)])
        case Words():
            return st.lists(st.text("ab-", min_size=1, max_size=4) | st.integers(0, 9) | st.booleans(), max_size=3)
        case Choice(words=words):
            return st.sampled_from([*words, words[0].upper()])
        case Text(pattern=pattern):
            return st.from_regex(f"^(?:{pattern})$", fullmatch=True) | st.text("ab:./()", max_size=8)
        case _:
            return st.sampled_from(SAMPLES[type(kind)])


def documents(section: type[Any]) -> st.SearchStrategy[Any]:
    """Mappings near to what a section takes: each key left out, fitting or not, and now and then one too many."""
    optional = {key.name: fitting(key.kind) | JUNK for key in sections.keys(section)}
    known = st.fixed_dictionaries({}, optional=optional)
    return known | st.builds(
        lambda fit, more: {**fit, **more}, known, st.dictionaries(st.text(max_size=8), JUNK, max_size=1)
    )


def agree(section: type[Any], schema: dict[str, Any], document: Any) -> None:
    said = "fits"
    node = yamltext.compose(json.dumps(document), "a.yaml")
    assert node is not None
    try:
        sections.read(section, node, Spot("a.yaml"))
    except ConfigError as error:
        said = str(error)
    assert jsonschema_rs.is_valid(schema, document) == (said == "fits"), (document, said)


@given(documents(Sample))
@settings(max_examples=120)
def test_the_json_schema_takes_what_the_parser_takes_of_every_kind(document: Any) -> None:
    agree(Sample, dict(Section(Sample).schema()), document)


@given(documents(RepoConfig))
@settings(max_examples=120)
def test_the_published_json_schema_takes_what_the_parser_takes(document: Any) -> None:
    agree(RepoConfig, dict(repoconfig.schema()), document)


def test_every_python_without_quotes_fits_both() -> None:
    for minor in range(1, 100):
        agree(Sample, dict(Section(Sample).schema()), {"python": float(f"3.{minor}")})
