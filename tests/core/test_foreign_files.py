"""`.thoth.yaml` and `.aicoe-ci.yaml` as their own tools write them: what they come to, and what is said of the rest."""

import pytest

from bot.core import aicoefile, repoconfig, thothyaml
from bot.core.aicoefile import AicoeFile, Build, Deploy, Overlay
from bot.core.ports import Snapshot
from bot.core.projectkeys import OperatingSystem, RuntimeEnvironment
from bot.core.repoconfig import RepoConfig
from bot.core.yamltext import ConfigError

THOTH = """\
host: thoth.example.org
tls_verify: false
requirements_format: pipenv
virtualenv: ~/.venv
overlays_dir: overlays
runtime_environments:
  - name: training
    operating_system: {name: ubi, version: 8}
    python_version: 3.9
    recommendation_type: STABLE
    hardware: {cpu_family: 1}
  - name: inference
    operating_system: {name: rhel, version: "9.1"}
    python_version: "3.11"
managers:
  - name: pipfile-requirements
    configuration: {lockfile: true}
  - name: update
    configuration:
      labels: [bot]
      env_allow_list: [training]
  - name: thoth-advise
    env_disallow_list: [training]
  - name: version
    configuration:
      maintainers: [grace, ada]
      assignees: [sesheta]
  - name: coffee-machine
"""


def read(thoth: str = "", bolide: str = "") -> RepoConfig:
    files = {repoconfig.PATH: bolide or None, thothyaml.PATH: thoth or None}
    return repoconfig.read(Snapshot("R_1", "ada/digits", "main", "0" * 40, files, None, archived=False))


def test_a_thoth_file_is_read_as_it_is() -> None:
    config = read(THOTH)
    assert (config.host, config.tls_verify, config.overlays_dir) == ("thoth.example.org", False, "overlays")
    assert config.runtime_environments == (
        RuntimeEnvironment("training", OperatingSystem("ubi", "8"), "3.9", "stable"),
        RuntimeEnvironment("inference", OperatingSystem("rhel", "9.1"), "3.11"),
    )
    assert config.maintainers == ("grace", "ada")
    assert config.labels("update") == ("bot",)


def test_only_the_managers_that_it_lists_are_on() -> None:
    config = read(THOTH)
    on = {name for name in ("update", "release", "advise", "provenance", "info", "requirements") if config.runs(name)}
    assert on == {"update", "release", "advise", "requirements"}


def test_what_has_no_effect_is_said() -> None:
    _, said = thothyaml.read(THOTH)
    told = "\n".join(said)
    for thing in ("hardware", "lockfile", "assignees", "coffee-machine", "requirements_format", "virtualenv"):
        assert f"`{thing}`" in told or f".{thing}`" in told
    assert ".thoth.yaml line 11, column 5: `runtime_environments[0].hardware` is not a key" in told


def test_lists_of_environments_do_not_leak_from_one_manager_to_another() -> None:
    config = read(THOTH)
    rows = {
        (manager, environment): config.allows(manager, environment)
        for manager in ("update", "advise", "release", "info")
        for environment in ("training", "inference", "default")
    }
    assert {row for row, allowed in rows.items() if not allowed} == {
        ("update", "inference"),
        ("update", "default"),
        ("advise", "training"),
    }


@pytest.mark.parametrize("order", [1, -1])
def test_nor_through_the_order_of_the_managers(order: int) -> None:
    entries = ["  - {name: update, env_allow_list: [a]}\n", "  - {name: info}\n"][::order]
    config = read("managers:\n" + "".join(entries))
    assert (config.allows("update", "b"), config.allows("info", "b")) == (False, True)
    again = read("managers:\n  - {name: update}\n")
    assert again.allows("update", "b")


def test_bolides_own_file_wins_key_by_key() -> None:
    own = 'python: "3.12"\nhost: other.example.org\nmanagers: [{name: info, enabled: false}]\n'
    config = read(THOTH, own)
    assert (config.python, config.host, config.tls_verify) == ("3.12", "other.example.org", False)
    assert config.maintainers == ("grace", "ada")
    assert (config.runs("info"), config.runs("update"), config.runs("labels")) == (False, True, False)
    assert config.allows("update", "inference")


def test_the_python_of_an_environment_is_its_own_else_the_repository_s() -> None:
    config = read(THOTH, 'python: "3.12"\n')
    assert [config.python_of(name) for name in ("training", "inference", "other", "")] == [
        "3.9",
        "3.11",
        "3.12",
        "3.12",
    ]
    alone = read("runtime_environments:\n  - {name: ubi8, python_version: '3.10'}\n")
    assert [alone.python_of(name) for name in ("ubi8", "", "default", "other")] == ["3.10", "3.10", "3.10", ""]
    assert read().python_of("") == ""


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    assert thothyaml.read(text) == ({}, ())
    assert aicoefile.read(text) == (AicoeFile(), ())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("host: https://x.org/", ".thoth.yaml line 1, column 7: `host` is 'https://x.org/'; write the host's name"),
        ("host: {THOTH_SERVICE_HOST}", ".thoth.yaml line 1, column 7: `host` is no text"),
        ("overlays_dir: ../up", ".thoth.yaml line 1, column 15: `overlays_dir` is '../up'"),
        ("runtime_environments:\n- {python_version: 2}", "`runtime_environments[0].python_version` is '2'"),
        ("runtime_environments:\n- {recommendation_type: newest}", "choose one of latest, stable"),
        ("runtime_environments:\n- {name: }", "`runtime_environments[0].name` is empty"),
        ("managers:\n- {configuration: {}}", "`managers[0]` has no `name`; give it one, such as `name: update`."),
        ("a: &a [1]\nb: *a", ".thoth.yaml line 2, column 4: this is a YAML alias"),
    ],
)
def test_a_value_that_cannot_be_is_an_error(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(text)
    assert sentence in str(raised.value)


def test_an_aicoe_file_is_read_as_it_is() -> None:
    text = """\
check: [thoth-pytest, thoth-build]
release: [upload-pypi-sesheta]
gather: [stats]
build:
  base-image: quay.io/thoth-station/s2i-thoth-ubi8-py38:v0.29.0
  build-stratergy: Source
  registry: quay.io
deploy:
  project-org: thoth
  overlay-contextpath: app/overlays/test/imagestreamtag.yaml
overlays:
  - name: training
    build: {base-image: "quay.io/x/y@sha256:aa", speed: fast}
"""
    found, said = aicoefile.read(text)
    image = "quay.io/thoth-station/s2i-thoth-ubi8-py38:v0.29.0"
    assert found == AicoeFile(
        ("thoth-pytest", "thoth-build"),
        ("upload-pypi-sesheta",),
        ("stats",),
        Build(base_image=image, build_stratergy="Source", registry="quay.io"),
        Deploy(project_org="thoth", overlay_contextpath="app/overlays/test/imagestreamtag.yaml"),
        (Overlay("training", Build(base_image="quay.io/x/y@sha256:aa")),),
    )
    assert said[0].startswith(
        ".aicoe-ci.yaml line 13, column 50: `overlays[0].build.speed` is not a key; known keys: base-"
    )
    assert [line.split("; ")[0] for line in said[1:]] == [
        ".aicoe-ci.yaml: `check` (thoth-pytest, thoth-build) comes to Bolide's evidence on its own update requests.",
        ".aicoe-ci.yaml: `release` and `gather` (upload-pypi-sesheta, stats) have no effect",
        f".aicoe-ci.yaml: the image is built on `{image}`",
    ]
    assert aicoefile.read("build: {}\n") == (AicoeFile(build=Build()), ())
