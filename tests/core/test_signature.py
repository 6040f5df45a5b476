"""The key that signs models: which one is taken, and that it is never shown."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bot.core.signature import SigningKey, require_key
from bot.settings import Settings, SettingsProblem
from tests.core.test_settings import environ
from tests.service.keys import private_key
from tests.signing import make_keys


def test_a_key_is_taken_as_it_is_and_with_written_line_breaks(tmp_path: Path) -> None:
    pem = make_keys(tmp_path).pem
    assert require_key("") == ""
    assert require_key(pem) == pem
    assert require_key(pem.replace("\n", "\\n")) == pem
    assert (
        Settings.from_env(environ(BOLIDE_SIGNING_KEY_FILE=str(tmp_path / "ours.pem"))).signing_key.reveal()
        == pem.strip()
    )


def test_another_kind_of_key_is_refused_and_none_is_quoted(tmp_path: Path) -> None:
    for text in (
        private_key(),
        make_keys(tmp_path, "long", ec.SECP384R1()).pem,
        "hunter2",
        (tmp_path / "long.pub").read_text(),
    ):
        with pytest.raises(SettingsProblem) as caught:
            Settings.from_env(environ(BOLIDE_SIGNING_KEY=text))
        (told,) = caught.value.problems
        assert told.startswith("BOLIDE_SIGNING_KEY is no ECDSA P-256 key in PEM form without a password; make one with")
        assert text.splitlines()[-1] not in told


def test_a_key_shows_its_public_half_only(tmp_path: Path) -> None:
    key = SigningKey.read(make_keys(tmp_path).pem)
    assert repr(key) == "SigningKey()"
    assert key.public_pem().startswith(b"-----BEGIN PUBLIC KEY-----")
    settings = Settings.from_env(environ(BOLIDE_SIGNING_KEY=make_keys(tmp_path).pem))
    assert settings.signing_key in settings.secrets()
    assert "PRIVATE KEY" not in repr(settings)
