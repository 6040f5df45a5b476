import re
from pathlib import Path

import pytest

from bot.settings import Settings, SettingsProblem, ThothSettings
from bot.variables import SETTINGS
from tests.service.keys import private_key

SECRET = "a secret that nobody guesses"
DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def environ(**changes: str) -> dict[str, str]:
    return {
        "GITHUB_APP_ID": "12345",
        "GITHUB_PRIVATE_KEY": private_key(),
        "GITHUB_WEBHOOK_SECRET": SECRET,
        **changes,
    }


def problems(variables: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsProblem) as caught:
        Settings.from_env(variables)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_three_settings_are_enough() -> None:
    settings = Settings.from_env(environ())
    assert settings.private_key.reveal() == private_key()
    assert settings.webhook_secret.reveal() == SECRET
    assert (settings.app_id, settings.api_url) == ("12345", "https://api.github.com")
    assert settings.graphql_url == "https://api.github.com/graphql"
    assert (settings.host, settings.port, settings.service_port, settings.workers) == ("127.0.0.1", 8080, 8090, 4)
    assert (settings.state_dir, settings.index_url) == (Path(".bolide"), "https://pypi.org/simple")


def test_nothing_set_is_reported_whole() -> None:
    assert [line.split()[0] for line in problems({})] == [
        "GITHUB_APP_ID",
        "GITHUB_PRIVATE_KEY",
        "GITHUB_WEBHOOK_SECRET",
    ]


def test_every_problem_is_named_at_once_and_no_secret_is_quoted() -> None:
    found = problems(
        {
            "GITHUB_APP_ID": "digits",
            "GITHUB_PRIVATE_KEY": "hunter2hunter2",
            "GITHUB_WEBHOOK_SECRET": "short",
            "GITHUB_API_URL": "http://github.example/api/v3",
            "BOLIDE_HOST": "example.org",
            "BOLIDE_PORT": "80800",
            "BOLIDE_SERVICE_PORT": "0",
            "BOLIDE_INDEX_URL": "https://ada:hunter2@index.example/simple",
            "BOLIDE_WORKERS": "many",
        }
    )
    assert len(found) == 9
    text = "\n".join(found)
    assert "hunter2" not in text
    assert "GITHUB_WEBHOOK_SECRET is shorter than 16 characters" in text
    assert "GITHUB_API_URL is http to another machine; use https." in text
    assert "BOLIDE_PORT is '80800'; set it to a number from 0 to 65535." in text
    assert "BOLIDE_INDEX_URL has a name or password in it; take it out." in text


def test_secrets_come_from_files_too(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(private_key())
    (tmp_path / "secret").write_text(SECRET + "\n")
    files = {"GITHUB_PRIVATE_KEY_FILE": str(tmp_path / "key"), "GITHUB_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}
    settings = Settings.from_env({"GITHUB_APP_ID": "1", **files})
    assert settings.private_key.reveal() == private_key()
    assert settings.webhook_secret.reveal() == SECRET


def test_a_key_with_written_out_newlines_is_read() -> None:
    settings = Settings.from_env(environ(GITHUB_PRIVATE_KEY=private_key().strip().replace("\n", "\\n")))
    assert settings.private_key.reveal() == private_key()


def test_files_that_are_missing_empty_or_one_too_many_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    assert "cannot be read: No such file" in problems(environ(GITHUB_PRIVATE_KEY="", GITHUB_PRIVATE_KEY_FILE="/no"))[0]
    empty = environ(GITHUB_WEBHOOK_SECRET="", GITHUB_WEBHOOK_SECRET_FILE=str(tmp_path / "empty"))
    assert problems(empty) == (
        f"GITHUB_WEBHOOK_SECRET_FILE names {tmp_path}/empty, which is empty; put the secret into it.",
    )
    assert "both set" in problems(environ(GITHUB_WEBHOOK_SECRET_FILE=str(tmp_path / "empty")))[0]


@pytest.mark.parametrize(
    ("url", "graphql"),
    [
        ("https://api.github.com/", "https://api.github.com/graphql"),
        ("https://github.example/api/v3", "https://github.example/api/graphql"),
        ("http://127.0.0.1:4000/api/v3", "http://127.0.0.1:4000/api/graphql"),
        ("http://localhost:4000/api/v3/", "http://localhost:4000/api/graphql"),
    ],
)
def test_the_graphql_url_follows_from_the_rest_url(url: str, graphql: str) -> None:
    assert Settings.from_env(environ(GITHUB_API_URL=url)).graphql_url == graphql


@pytest.mark.parametrize(
    "url",
    [
        "github.com",
        "ftp://github.example",
        "https://",
        "https://x:port/",
        "https://a b/",
        "https://h/?q=1",
        "http://127.0.0.1.nip.io/",
    ],
)
def test_what_is_no_usable_url_is_refused(url: str) -> None:
    assert problems(environ(GITHUB_API_URL=url))[0].startswith("GITHUB_API_URL ")


def test_the_database_of_many_machines_is_a_secret(tmp_path: Path) -> None:
    url = "postgresql://bolide:a-password@db.example/bolide"
    (tmp_path / "url").write_text(f"{url}\n")
    settings = Settings.from_env(environ(BOLIDE_DATABASE_URL_FILE=str(tmp_path / "url")))
    assert settings.database_url.reveal() == url
    assert "a-password" not in f"{settings!r}"
    assert Settings.from_env(environ()).database_url.reveal() == ""
    (problem,) = problems(environ(BOLIDE_DATABASE_URL="mysql://bolide:a-password@db.example/bolide"))
    assert problem == (
        "BOLIDE_DATABASE_URL is no PostgreSQL URL; write it like postgresql://name:password@host/database."
    )


BUCKET = {
    "OBJECT_STORAGE_ENDPOINT_URL": "https://s3.example.org/",
    "OBJECT_STORAGE_BUCKET_NAME": "models",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "a bucket secret",
}


def test_a_base_image_by_tag_is_refused() -> None:
    base = f"registry.example.org/python@sha256:{'a' * 64}"
    assert Settings.from_env(environ(BOLIDE_BASE_IMAGE=base)).base_image == base
    (problem,) = problems(environ(BOLIDE_BASE_IMAGE="python:3.11"))
    assert problem.startswith("BOLIDE_BASE_IMAGE is not named by its digest")


def test_the_bucket_is_set_as_a_whole() -> None:
    bucket = Settings.from_env(environ(**BUCKET)).bucket
    assert bucket
    assert (bucket.endpoint, bucket.name, bucket.key_id) == ("https://s3.example.org", "models", "id")
    assert bucket.secret.reveal() == "a bucket secret"
    assert bucket.region == "us-east-1"
    assert bucket.secret in Settings.from_env(environ(**BUCKET)).secrets()


@pytest.mark.parametrize("missing", BUCKET)
def test_a_bucket_without_one_of_its_parts_names_it(missing: str) -> None:
    assert problems(environ(**{**BUCKET, missing: ""})) == (f"{missing} is not set; the bucket needs it.",)


def test_keys_that_others_use_make_no_bucket() -> None:
    assert Settings.from_env(environ(AWS_ACCESS_KEY_ID="id", AWS_SECRET_ACCESS_KEY="x")).bucket is None


def test_a_bucket_without_a_scheme_is_no_url() -> None:
    told = problems(environ(**{**BUCKET, "OBJECT_STORAGE_ENDPOINT_URL": "s3.example.org"}))
    assert told == ("OBJECT_STORAGE_ENDPOINT_URL is no URL; write it like https://s3.example.org.",)


def test_models_are_made_here_unless_a_cluster_is_named() -> None:
    assert Settings.from_env(environ()).tekton is None
    image = f"registry.example.org/python@sha256:{'a' * 64}"
    told = environ(**BUCKET, BOLIDE_RUNNER="tekton", BOLIDE_STAGES_IMAGE=image, BOLIDE_KUBERNETES_CA_FILE="system")
    tekton = Settings.from_env(told).tekton
    assert tekton
    assert (tekton.url, tekton.namespace, tekton.image) == ("https://kubernetes.default.svc", "bolide-stages", image)
    assert tekton.ca_file is None
    assert problems(environ(BOLIDE_RUNNER="argo")) == ("BOLIDE_RUNNER is 'argo'; set it to one of local, tekton.",)
    assert len(problems(environ(BOLIDE_RUNNER="tekton", BOLIDE_KUBERNETES_URL="http://cluster"))) == 4
    (problem,) = problems(told | {"BOLIDE_KUBERNETES_CA_FILE": "/no/ca.crt"})
    assert problem == "BOLIDE_KUBERNETES_CA_FILE names /no/ca.crt, which is not there; or set it to `system`."
    own = told | {"BOLIDE_STAGES_IMAGE": "", "BOLIDE_BASE_IMAGE": image}
    assert Settings.from_env(own).tekton
    assert "or set BOLIDE_BASE_IMAGE" in problems(own | {"BOLIDE_BASE_IMAGE": ""})[0]
    pods = told | {"BOLIDE_EVIDENCE_IMAGE": image, "BOLIDE_REQUIRED_ISOLATION": "pod"}
    found = Settings.from_env(pods)
    assert found.tekton
    assert (found.tekton.evidence_image, found.required_isolation, tekton.evidence_image) == (image, "pod", "")
    assert "a pod has a network; require `pod`" in problems(pods | {"BOLIDE_REQUIRED_ISOLATION": "bubblewrap"})[0]
    told |= {"BOLIDE_STAGES_IMAGE": "python:3.11"}
    assert problems(told)[0].startswith("BOLIDE_STAGES_IMAGE is not named by its digest")
    assert problems(pods | {"BOLIDE_EVIDENCE_IMAGE": "bolide:1"})[0].startswith("BOLIDE_EVIDENCE_IMAGE is not named by")


def test_no_form_of_the_settings_shows_a_secret() -> None:
    settings = Settings.from_env(environ())
    shown = f"{settings} {settings!r} {settings.webhook_secret} {settings.private_key!r}"
    assert SECRET not in shown
    assert private_key().splitlines()[1] not in shown


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", DOCUMENT.read_text(), re.MULTILINE)
    shown = {None: "must be set", "": "none"}
    assert rows == [
        (setting.name, shown.get(setting.default, f"`{setting.default}`"), setting.meaning) for setting in SETTINGS
    ]


def test_answering_thoths_clients_on_this_machine_needs_no_setting() -> None:
    settings = ThothSettings.from_env({})
    assert (settings.host, settings.port, settings.token.reveal()) == ("127.0.0.1", 8443, "")
    assert (settings.certificate, settings.key) == (None, None)


def test_beyond_this_machine_thoths_clients_need_a_token(tmp_path: Path) -> None:
    with pytest.raises(SettingsProblem, match=r"BOLIDE_THOTH_HOST is 0\.0\.0\.0, which others can reach"):
        ThothSettings.from_env({"BOLIDE_THOTH_HOST": "0.0.0.0"})
    (tmp_path / "token").write_text(SECRET)
    told = {"BOLIDE_THOTH_HOST": "0.0.0.0", "BOLIDE_THOTH_TOKEN_FILE": str(tmp_path / "token")}
    assert ThothSettings.from_env(told).token.reveal() == SECRET


def test_a_short_token_and_half_a_certificate_are_named_together() -> None:
    with pytest.raises(SettingsProblem) as caught:
        ThothSettings.from_env({"BOLIDE_THOTH_TOKEN": "hunter2", "BOLIDE_THOTH_KEY_FILE": "key.pem"})
    assert [line.split()[0] for line in caught.value.problems] == [
        "BOLIDE_THOTH_TOKEN",
        "BOLIDE_THOTH_CERTIFICATE_FILE",
    ]
    assert "hunter2" not in str(caught.value)
