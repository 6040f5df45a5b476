import io
import json
import logging
from collections.abc import Iterator

import pytest

from bot.service.logs import HIDDEN, JsonLines, Redaction, configure_logging
from tests.service.keys import private_key

CANARY = "canary-of-the-webhook-secret"
TOKENS = [
    "ghs_16C7e42F292c6912E7710c838347Ae178B4a",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijklmnop_qrstuvwxyz",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJlLW9mLXRoZS1hcHA",
    "v1.1f699f1069f60xxx1f699f1069f60aaa1f699f10".replace("x", "0")[:43],
]


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(Redaction([CANARY, private_key()])))
    logger = logging.getLogger("tests.canary")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield logger, stream
    logger.removeHandler(handler)


def test_a_record_is_one_line_of_json_with_its_fields(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = log
    logger.info(
        "delivery %s", "stored", extra={"delivery": "id", "bytes": 3, "to": ["a", "b"], "new": True, "why": None}
    )
    (line,) = stream.getvalue().splitlines()
    fields = json.loads(line)
    assert fields.pop("time").endswith("+00:00")
    assert fields == {
        "level": "info",
        "logger": "tests.canary",
        "message": "delivery stored",
        "delivery": "id",
        "bytes": 3,
        "to": ["a", "b"],
        "new": True,
        "why": None,
    }


@pytest.mark.parametrize(
    "secret",
    [CANARY, pytest.param(private_key(), id="key"), pytest.param(private_key().splitlines()[3], id="line"), *TOKENS],
)
def test_no_secret_gets_into_a_log_by_any_way(log: tuple[logging.Logger, io.StringIO], secret: str) -> None:
    logger, stream = log
    logger.info("in the message: %s", secret)
    logger.info(f"Authorization: token {secret}")
    logger.info("in a field", extra={"header": secret, "list": [secret], "object": {"key": secret}})
    try:
        raise ValueError(f"in an exception: {secret}")
    except ValueError:
        logger.exception("failed")
    text = stream.getvalue()
    assert len(text.splitlines()) == 4
    assert HIDDEN in text
    for part in secret.split("\n"):
        if part and not part.startswith("-----"):
            assert part not in text


def test_a_password_in_a_url_and_a_bearer_are_hidden_and_words_stay() -> None:
    hide = Redaction().hide
    assert hide("https://ada:hunter2@index.example/simple") == f"https://{HIDDEN}@index.example/simple"
    assert hide("Authorization: Bearer abcdefghijklmnop1234") == f"Authorization: Bearer {HIDDEN}"
    plain = "token for ada/digits, sha 613ded4c5a9eb9f7073923627e4d935e047fd325, https://127.0.0.1:8080/ada@example"
    assert hide(plain) == plain


def test_logging_goes_to_the_stream_and_is_taken_back() -> None:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    try:
        configure_logging([CANARY], stream)
        logging.getLogger("anything").info("said %s", CANARY)
        logging.getLogger("aiohttp.access").info("not this")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    assert json.loads(stream.getvalue())["message"] == f"said {HIDDEN}"
