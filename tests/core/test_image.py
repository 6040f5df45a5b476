"""Images as data."""

import json
from dataclasses import replace

import pytest

from bot.core.errors import Refused
from bot.core.image import ImageSpec, Origin, containerfile, provenance, require_base, require_repository

BASE = f"registry.example.org/python@sha256:{'a' * 64}"


def test_the_file_copies_what_changes_least_first_and_runs_nothing() -> None:
    spec = ImageSpec(BASE, ("python3.11", "-m", "app.serve"), {"COMMIT": "c" * 40}, {"a.b": 'a "$HOME" \\'}, model=True)
    text = containerfile(spec)
    lines = text.splitlines()
    assert lines[0] == f"FROM {BASE}"
    assert [line.split()[2] for line in lines if line.startswith("COPY")] == ["packages", "model", "source"]
    assert 'ENV MODEL_DIR="/srv/model"' in lines
    assert f'ENV COMMIT="{"c" * 40}"' in lines
    assert 'LABEL a.b="a \\"\\$HOME\\" \\\\"' in lines
    assert "USER 10001:10001" in lines
    assert lines[-1] == 'ENTRYPOINT ["python3.11", "-m", "app.serve"]'
    assert "RUN" not in text


def test_the_image_of_a_signed_model_has_the_key_to_verify_it_with() -> None:
    text = containerfile(ImageSpec(BASE, ("serve",), {}, model=True, signed=True))
    assert "COPY --chown=0:0 verifying-key.pem /srv/verifying-key.pem" in text
    assert 'ENV VERIFYING_KEY_FILE="/srv/verifying-key.pem"' in text


def test_a_service_without_a_model_has_no_folder_for_it() -> None:
    text = containerfile(ImageSpec(BASE, ("serve",), {}))
    assert "model" not in text
    assert "MODEL_DIR" not in text


@pytest.mark.parametrize("base", ["python:3.11", "python", f"python@sha256:{'a' * 63}", f"x\nRUN y@sha256:{'a' * 64}"])
def test_a_base_that_may_change_is_refused(base: str) -> None:
    with pytest.raises(Refused, match="is not named by its digest"):
        require_base(base)


def test_a_line_break_cannot_get_into_the_file() -> None:
    with pytest.raises(Refused, match="line breaks"):
        containerfile(ImageSpec(BASE, ("serve",), {"COMMIT": "a\nRUN evil"}))


@pytest.mark.parametrize("name", ["digits", "Registry/Digits", "r.example/a:tag", "r.example/a@sha256:00", "--help/x"])
def test_a_name_that_is_no_repository_is_refused(name: str) -> None:
    with pytest.raises(Refused, match="is no image repository"):
        require_repository(name)
    assert require_repository("127.0.0.1:5000/ada/digits-x") == "127.0.0.1:5000/ada/digits-x"


def test_the_statement_names_every_link_of_the_chain() -> None:
    origin = Origin("ada/digits", "c" * 40, "1" * 64, "2" * 64, "3" * 64, "4" * 64, "tf-1", "5" * 64, BASE)
    told = provenance("registry.example.org/ada/digits", f"sha256:{'6' * 64}", origin, "bolide", "2027-01-01T00:00:00Z")
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["subject"] == [{"name": "registry.example.org/ada/digits", "digest": {"sha256": "6" * 64}}]
    build = told["predicate"]["buildDefinition"]
    named = [next(iter(material["digest"].values())) for material in build["resolvedDependencies"]]
    assert named == ["c" * 40, "1" * 64, "3" * 64, "4" * 64, "5" * 64, "a" * 64]
    assert json.loads(json.dumps(told)) == told
    trained = replace(origin, training_image=f"registry.example.org/ada/training@sha256:{'7' * 64}")
    told = provenance("r.example/x", f"sha256:{'6' * 64}", trained, "bolide", "2027-01-01T00:00:00Z")
    image = {"uri": "pkg:oci/registry.example.org/ada/training", "digest": {"sha256": "7" * 64}}
    assert image in told["predicate"]["buildDefinition"]["resolvedDependencies"]


def test_a_service_without_a_model_has_no_such_link() -> None:
    origin = Origin("ada/digits", "c" * 40, "1" * 64, "2" * 64, "3" * 64, None, None, None, BASE)
    told = provenance("r.example/x", f"sha256:{'6' * 64}", origin, "bolide", "2027-01-01T00:00:00Z")
    uris = [material["uri"] for material in told["predicate"]["buildDefinition"]["resolvedDependencies"]]
    assert not [uri for uri in uris if "model" in uri or "data" in uri]
