"""The published description of the configuration is what the program knows."""

import json
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

from bot import schema
from bot.__main__ import main

CHECKOUT = Path(__file__).parents[2]
RENEW = "run `python -m bot schema --write docs`"


def test_schema_and_table_are_those_of_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    published = (CHECKOUT / "docs" / schema.SCHEMA).read_text()
    assert capsys.readouterr().out == published, RENEW
    guide = (CHECKOUT / "docs" / schema.GUIDE).read_text()
    assert f"{schema.START}{schema.table()}{schema.END}" in guide, RENEW


def test_the_repository_s_own_configuration_fits_it() -> None:
    published = json.loads((CHECKOUT / "docs" / schema.SCHEMA).read_text())
    assert jsonschema_rs.meta.is_valid(published)
    jsonschema_rs.validate(published, yaml.safe_load((CHECKOUT / ".github" / "bolide.yaml").read_text()))


def test_writing_renews_what_is_old_and_keeps_the_prose(tmp_path: Path) -> None:
    (tmp_path / schema.GUIDE).write_text(f"# Mine\n{schema.START}old\n{schema.END}\nmore\n")
    assert main(["schema", "--write", str(tmp_path)]) == 0
    assert (tmp_path / schema.GUIDE).read_text() == f"# Mine\n{schema.START}{schema.table()}{schema.END}\nmore\n"
    assert (tmp_path / schema.SCHEMA).read_text() == schema.schema()


def test_a_folder_that_is_not_the_documentation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "--write", str(tmp_path)]) == 1
    assert "configuration.md is not there" in capsys.readouterr().err
