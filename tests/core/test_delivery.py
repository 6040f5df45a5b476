import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.delivery import LARGEST_BODY, Accepted, Rejected, verify
from bot.core.ports import Delivery
from tests.service.letters import SECRET, envelope, sign

KEY = SECRET.encode()
BODY = b'{"action": "opened"}'
ID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def verdict(body: bytes = BODY, *extra: tuple[str, str], kind: str = "push", **changes: str | None) -> int | Delivery:
    """202's delivery, or the status of the refusal; every refusal says something."""
    headers = [*envelope(body, kind, **changes).items(), *extra]
    found = verify(KEY, headers, body)
    if isinstance(found, Accepted):
        return found.delivery
    assert found.sentence.endswith(".")
    assert SECRET not in found.sentence
    return found.status


def test_a_good_delivery_is_read_whatever_the_case_of_its_header_names() -> None:
    headers = [(name.upper(), value) for name, value in envelope(BODY, x_github_delivery=ID).items()]
    assert verify(KEY, headers, BODY) == Accepted(Delivery(ID, "push", BODY))
    assert verdict(x_github_delivery=ID.upper()) == Delivery(ID, "push", BODY)
    assert isinstance(verdict(content_type="application/json; charset=utf-8"), Delivery)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        sign(BODY, "another secret, long enough"),
        sign(BODY + b" "),
        sign(BODY).replace("sha256=", "SHA256="),
        sign(BODY).removeprefix("sha256="),
        "sha256=" + sign(BODY).removeprefix("sha256=").upper(),
        sign(BODY) + "0",
        sign(BODY)[:-1],
        " " + sign(BODY),
        sign(BODY) + "\n",
        "sha256=" + "é" * 64,
        "sha256=" + "٣" * 64,  # digits, but not ASCII ones
        "sha1=" + hmac.new(KEY, BODY, hashlib.sha1).hexdigest(),
    ],
)
def test_only_one_right_sha256_signature_opens(signature: str | None) -> None:
    assert verdict(x_hub_signature_256=signature) == 401


def test_an_old_sha1_signature_or_a_second_signature_does_not_help() -> None:
    old = "sha1=" + hmac.new(KEY, BODY, hashlib.sha1).hexdigest()
    assert verdict(x_hub_signature_256=None, x_hub_signature=old) == 401
    assert verdict(BODY, ("x-hub-signature-256", sign(BODY))) == 401
    assert verdict(BODY, ("X-Hub-Signature-256", "sha256=" + "0" * 64)) == 401


def test_the_signature_comes_before_everything_that_a_stranger_could_probe() -> None:
    assert verdict(b"no json", x_hub_signature_256=sign(b""), x_github_event=None, x_github_delivery=None) == 401


@pytest.mark.parametrize("kind", [None, "", "Push", "bolide.change_proposed", "push\n", "p" * 65, "../push", "é"])
def test_an_event_name_is_a_name(kind: str | None) -> None:
    assert verdict(x_github_event=kind) == 400


@pytest.mark.parametrize("id_", [None, "", "1", "x" * 10_000, ID + "0", ID.replace("-", ""), "g" + ID[1:], ID + "\n"])
def test_a_delivery_id_is_a_uuid(id_: str | None) -> None:
    assert verdict(x_github_delivery=id_) == 400


def test_a_second_event_or_id_is_refused() -> None:
    assert verdict(BODY, ("X-GitHub-Event", "issues")) == 400
    assert verdict(BODY, ("X-GitHub-Delivery", ID)) == 400


def test_a_compressed_body_is_refused() -> None:
    assert verdict(content_encoding="gzip") == 415
    assert verdict(content_encoding="identity") == 415


def test_a_form_is_refused_and_told_what_to_choose() -> None:
    headers = envelope(BODY, content_type="application/x-www-form-urlencoded")
    found = verify(KEY, list(headers.items()), BODY)
    assert isinstance(found, Rejected)
    assert found.status == 415
    assert "application/json" in found.sentence
    assert verdict(content_type=None) == 415


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "cannot be parsed"),
        (b"{", "cannot be parsed"),
        (b"\xff\xfe{}", "not UTF-8"),
        ("{}".encode("utf-16"), "not UTF-8"),
        (b"\xef\xbb\xbf{}", "cannot be parsed"),
        (b'{"a": NaN}', "NaN is no JSON number"),
        (b"[-Infinity]", "-Infinity is no JSON number"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the same key twice"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deeply"),
        (b"1" * 5_000, "cannot be parsed"),
    ],
)
def test_what_is_no_json_of_github_is_refused_with_the_reason(body: bytes, reason: str) -> None:
    found = verify(KEY, list(envelope(body).items()), body)
    assert isinstance(found, Rejected)
    assert found.status == 400
    assert reason in found.sentence


@pytest.mark.parametrize("body", [b"null", b"[]", b"0", b'"text"', b'{"action": ["opened"]}', b'{"a": "\\ud800"}'])
def test_odd_json_is_taken_in_and_left_to_the_managers(body: bytes) -> None:
    assert isinstance(verdict(body), Delivery)


def test_the_largest_body_is_taken_and_one_byte_more_is_not() -> None:
    body = b'"' + b"x" * (LARGEST_BODY - 2) + b'"'
    assert isinstance(verdict(body), Delivery)
    assert verdict(body + b" ") == 413


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["X-Hub-Signature-256", "X-GitHub-Event", "X-GitHub-Delivery", "Content-Type", "X-Other"]),
            st.text(max_size=80),
        ),
        max_size=6,
    ),
    st.binary(max_size=200),
)
def test_no_stranger_gets_in_and_none_breaks_it(headers: list[tuple[str, str]], body: bytes) -> None:
    found = verify(KEY, headers, body)
    assert isinstance(found, Rejected)
    assert found.status in {401, 413, 415}
