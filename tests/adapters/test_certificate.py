"""The certificate for this machine: made once, renewed in time, its key for nobody else's eyes."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from bot.adapters.certificate import given_context, local_context


def end_of(folder: Path) -> datetime:
    return x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes()).not_valid_after_utc


def test_it_is_made_once_and_renewed_in_time(tmp_path: Path) -> None:
    folder, now = tmp_path / "tls", datetime.now(UTC)
    assert local_context(folder, now).minimum_version == ssl.TLSVersion.TLSv1_2
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o400
    assert folder.stat().st_mode & 0o777 == 0o700
    first = end_of(folder)
    local_context(folder, now + timedelta(days=60))
    assert end_of(folder) == first
    local_context(folder, now + timedelta(days=80))
    assert end_of(folder) > first


def test_what_is_broken_is_made_anew(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    local_context(tmp_path, now)
    (tmp_path / "certificate.pem").chmod(0o644)
    (tmp_path / "certificate.pem").write_text("cut off")
    local_context(tmp_path, now)
    assert end_of(tmp_path) > now


def test_a_given_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"The certificate .*/mine\.pem with the key .* cannot be used"):
        given_context(tmp_path / "mine.pem", tmp_path / "key.pem")
