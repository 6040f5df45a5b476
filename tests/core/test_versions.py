import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from bot.core.versions import ReleaseKind, VersionError, is_major_update, next_version

KINDS = st.sampled_from(["major", "minor", "patch"])
PLAIN = st.lists(st.integers(0, 9999), min_size=1, max_size=3).map(lambda numbers: ".".join(map(str, numbers)))


@pytest.mark.parametrize(
    ("current", "kind", "expected"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("v1.2", "minor", "1.3.0"),
        ("0", "patch", "0.0.1"),
        ("1.3.0rc2", "patch", "1.3.0"),
        ("1.3.0rc2", "minor", "1.3.0"),
        ("1.3.0rc2", "major", "2.0.0"),
        ("2.0.0a1", "major", "2.0.0"),
        ("1.3.1b1", "minor", "1.4.0"),
    ],
)
def test_the_next_version(current: str, kind: ReleaseKind, expected: str) -> None:
    assert next_version(current, kind) == expected


@given(PLAIN, KINDS)
def test_the_next_version_is_greater(current: str, kind: ReleaseKind) -> None:
    assert Version(next_version(current, kind)) > Version(current)


@pytest.mark.parametrize(
    "current", ["1!1.0", "1.0+local", "1.0.post1", "1.0.dev3", "1.2.3.4", "one", "", "1.2.3; rm -rf"]
)
def test_what_has_no_next_version_is_refused_with_a_remedy(current: str) -> None:
    with pytest.raises(VersionError, match=r"X\.Y\.Z|for example 1\.2\.3"):
        next_version(current, "patch")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("1.9", "2.0", True),
        ("1.2", "1.9", False),
        ("0.4", "0.5", True),
        ("0.4.1", "0.4.2", False),
        ("0.9", "1.0", True),
        ("2.0", "1.0", False),
        ("1.0", "1!1.0", True),
        ("1.0", "1.0", False),
    ],
)
def test_major_updates(old: str, new: str, *, expected: bool) -> None:
    assert is_major_update(old, new) is expected
