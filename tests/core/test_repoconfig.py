"""`.github/bolide.yaml`: what it comes to, and that every error names its place."""

import time
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import repoconfig
from bot.core.packages import ThothHost
from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe
from bot.core.repoconfig import ConfigError, ReleaseKeys, RepoConfig
from bot.core.schedules import Schedule
from bot.core.steering import Group, Ignored, Limits, Steering

WHOLE = """\
# what this repository is
python: 3.10
cooldown_days: 14
training:
  categories: [packages, training]
  inputs: [training]
  train: [python, -m, training.train]
  evaluate: [python, -m, training.evaluate]
  gate: [python, -m, training.gate]
service:
  categories: [packages, app]
  inputs: [app]
  wsgi: "app:create_app()"
  ready: /readyz
  version: /version
  predict: /predict
release:
  version_files: [bot/__init__.py]
"""


def words(*parts: str) -> tuple[str, ...]:
    return ("python", "-m", *parts)


@pytest.mark.parametrize("text", [WHOLE, WHOLE.replace("\n", "\r\n"), f"\ufeff{WHOLE}"])
def test_everything_that_can_be_set(text: str) -> None:
    training = TrainingRecipe(
        ("packages", "training"),
        ("training",),
        words("training.train"),
        words("training.evaluate"),
        words("training.gate"),
    )
    service = ServiceRecipe(("packages", "app"), ("app",), "app:create_app()", "/readyz", "/version", "/predict")
    assert repoconfig.parse(text) == RepoConfig(
        python="3.10",
        cooldown_days=14,
        training=training,
        service=service,
        release=ReleaseKeys(version_files=("bot/__init__.py",)),
    )


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n"])
def test_nothing_gives_the_defaults(text: str) -> None:
    assert repoconfig.parse(text) == RepoConfig()


def test_parts_have_defaults() -> None:
    found = repoconfig.parse("training: {train: [make]}\nservice: {wsgi: 'wsgi:application'}\nrelease: {}\n")
    assert found.recipe == Recipe(
        TrainingRecipe(("packages",), (), ("make",), (), ()),
        ServiceRecipe(("packages",), (), "wsgi:application", "", "", ""),
    )


ERRORS = [
    ("pyton: 3", "line 1, column 1: `pyton` is not a key; did you mean `python`?"),
    ("\n\nservices: {}", "line 3, column 1: `services` is not a key; did you mean `service`?"),
    ("training:\n  trian: [x]", "line 2, column 3: `training.trian` is not a key; did you mean `train`?"),
    ("zzz: 1", "line 1, column 1: `zzz` is not a key; known keys: python, cooldown_days, training, service, "),
    ("'`@all`': 1", "line 1, column 1: `??all?` is not a key"),
    ("? [a]\n: b", "line 1, column 3: this is no key; known keys: python"),
    ("<<: {python: '3.11'}", "line 1, column 1: `??` is not a key"),
    ("python: '3.11'\npython: '3.12'", "line 2, column 1: `python` stands twice; keep one."),
    ("python: 2.7", "line 1, column 9: `python` is '2.7'; write a version such as \"3.11\", in quotes."),
    ("python: ~", "line 1, column 9: `python` is '~'"),
    ("python: [3.11]", "line 1, column 9: `python` is no text"),
    ("cooldown_days: soon", "line 1, column 16: `cooldown_days` is 'soon'; give a number of days from 0 to 365."),
    ("cooldown_days: -1", "`cooldown_days` is '-1'"),
    ("cooldown_days: 366", "`cooldown_days` is '366'"),
    ("cooldown_days: 99999999999", "`cooldown_days` is '99999999999'"),
    ("cooldown_days: \u0663", "`cooldown_days` is '\u0663'"),
    ("training:", "line 1, column 10: `training` is no mapping; write `key: value` lines."),
    ("training: {}", "line 1, column 11: `training` has no `train`; give it one"),
    ("training: {train: []}", "line 1, column 19: `training.train` is empty"),
    ("training: {train: make}", "line 1, column 19: `training.train` is no list of words; write `[a, b]`."),
    ("training: {train: ['']}", "`training.train` is no list of words"),
    ("training: {train: [[a]]}", "`training.train` is no list of words"),
    ("service: {ready: /}", "line 1, column 10: `service` has no `wsgi`"),
    ("service: {wsgi: 'os.system(1)'}", "line 1, column 17: `service.wsgi` is 'os.system(1)'; write a module"),
    ("service: {wsgi: 'a:b', ready: http://x}", "line 1, column 31: `service.ready` is 'http://x'; a path starts"),
    ("release: {version_files: a}", "line 1, column 26: `release.version_files` is no list of words"),
    ("- a", "line 1, column 1: the file is no mapping"),
    ("just words", "line 1, column 1: the file is no mapping"),
    ("a: [", "line 1, column 5: this is not YAML: expected the node content, but found '<stream end>'."),
    ("a:\n\t- x", "line 2, column 1: this is not YAML: found character '\\t' that cannot start any token."),
    ("python: '3.11'\n---\npython: '3.12'", "line 2, column 1: this is not YAML: but found another document."),
    ("python: '3.11'\nx: \x00", "line 2 has a character that YAML does not allow; take it out."),
    ("a: &x [1]\nb: *x", "line 2, column 4: this is a YAML alias (`*name`); write the value out instead."),
    ("x" * 20_001, " has 20001 characters; at most 20000 are read."),
]


@pytest.mark.parametrize(("text", "sentence"), ERRORS)
def test_an_error_names_file_place_key_and_remedy(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as raised:
        repoconfig.parse(text)
    assert str(raised.value).startswith(".github/bolide.yaml ")
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[" * 20_000,
        "{a: " * 5_000,
        "- " * 10_000,
        "? " * 10_000,
        "a: &a [x]\n" + "".join(f"b{n}: &b{n} [*a, *a, *a, *a]\n" for n in range(500)),
        "python: '" + "x" * 19_000,
        "\n".join(f"k{n}: v" for n in range(1_500)),
    ],
)
def test_no_text_costs_much(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ConfigError):
        repoconfig.parse(text)
    assert time.process_time() - started < 2


@given(st.text(max_size=200) | st.text("[]{}:,-'\"#&*!|>%@ \n\tab1", max_size=60))
def test_any_text_is_a_configuration_or_a_sentence(text: str) -> None:
    try:
        said = f"{repoconfig.PATH} {repoconfig.parse(text)}"
    except ConfigError as error:
        said = str(error)
    assert said.startswith(".github/bolide.yaml ")


STEERED = """\
updates:
  schedule: 0 5 * * 1
  timezone: Europe/Berlin
  groups:
    - {name: learning, packages: ["tensorflow*", keras], categories: [training]}
  separate_major: true
  separate_transitive: true
  limits: {open: 3, per_hour: 2}
  ignore:
    - {package: Protobuf, versions: ">=5", until: 2027-01-31, reason: Breaks TensorFlow}
  prereleases: [Keras]
"""


def test_when_and_how_much_is_proposed() -> None:
    updates = repoconfig.parse(STEERED).updates
    assert updates.when() == Schedule("0 5 * * 1", "Europe/Berlin")
    assert updates.steering() == Steering(
        (Group("learning", ("tensorflow*", "keras"), ("training",)),),
        Limits(3, 2),
        separate_major=True,
        separate_transitive=True,
        ignore=(Ignored("protobuf", ">=5", date(2027, 1, 31), "Breaks TensorFlow"),),
        prereleases=("keras",),
    )
    assert (RepoConfig().updates.when(), RepoConfig().updates.steering()) == (None, Steering())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "schedule: 61 5 * * 1",
            "`updates.schedule` in .github/bolide.yaml: '61 5 * * 1' is no cron line (bad minute)",
        ),
        ("schedule: 0 5 * * 1\n  timezone: Mars/Olympus", "'Mars/Olympus' is no time zone"),
        ("ignore: [{package: a, versions: '>=x='}]", "a: '>=x=' is not a version specifier"),
        ("ignore: [{package: a, until: 2027-02-30}]", "a: there is no day 2027-02-30"),
    ],
)
def test_rules_that_cannot_be_kept_are_named(text: str, sentence: str) -> None:
    updates = repoconfig.parse(f"updates:\n  {text}\n").updates
    with pytest.raises(ConfigError) as raised:
        _ = (updates.when(), updates.steering())
    assert sentence in str(raised.value)


@pytest.mark.parametrize("name", ["digits", "Registry/Digits", "r.example/a:tag", "r.example/a@sha256:00", "--help/x"])
def test_an_image_is_named_by_its_repository_alone(name: str) -> None:
    deploy = "deploy: {image: '%s', overlay: o, url: 'https://d.example.org'}"
    with pytest.raises(ConfigError, match="write a repository without tag or digest"):
        repoconfig.parse(deploy % name)
    found = repoconfig.parse(deploy % "127.0.0.1:5000/ada/digits-x").deploy
    assert found is not None
    assert found.image == "127.0.0.1:5000/ada/digits-x"


def test_a_host_is_asked_only_where_the_adviser_is_thoth() -> None:
    assert repoconfig.parse("host: thoth.example.org").thoth is None
    asked = repoconfig.parse("adviser: thoth\nhost: 'thoth.example.org:8443'\ntls_verify: false").thoth
    assert asked == ThothHost("thoth.example.org:8443", tls_verify=False)
    with pytest.raises(ConfigError, match="`adviser: thoth` needs a `host` to ask"):
        repoconfig.parse("adviser: thoth").thoth  # noqa: B018
