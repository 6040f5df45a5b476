"""The service against its own description, by requests that are drawn from it."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from app import create_app
from app.request import KINDS
from app.settings import Settings
from tests.app.serving import CHECKOUT

DESCRIPTION = json.loads((CHECKOUT / "app" / "openapi.json").read_text())


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_to_right_and_wrong_requests_is_as_described(model_dir: Path, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", create_app(Settings(model_dir, commit="c0ffee")))
    answered = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        requests = found.ok().as_strategy(generation_mode=mode)

        @given(case=requests)
        @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
        def ask(case: schemathesis.Case[Any]) -> None:
            # A schema cannot say what makes bytes an image.
            binary = case.media_type not in (None, "application/json")
            excluded: list[CheckFunction] = [positive_data_acceptance] if binary else []
            answer = case.call()
            # A wrong body may be too large before it is looked at.
            excluded += [negative_data_rejection] if answer.status_code == 413 else []
            case.validate_response(answer, excluded_checks=excluded)
            answered.append(answer.status_code)

        with contextlib.suppress(Unsatisfiable):  # what takes no input cannot be asked wrongly
            ask()
    assert (200 in answered) == (mode is GenerationMode.POSITIVE)
    assert 500 not in answered


def test_every_route_and_every_media_type_is_described(client: FlaskClient) -> None:
    routes = {re.sub(r"<.*>", "", rule.rule) for rule in client.application.url_map.iter_rules()}
    assert set(DESCRIPTION["paths"]) == routes - {"/page/"}
    assert tuple(DESCRIPTION["paths"]["/predict"]["post"]["requestBody"]["content"]) == KINDS
    assert client.get("/openapi.json").get_json() == DESCRIPTION
