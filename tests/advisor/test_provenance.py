"""One lock after another, each with one thing that is not as it should be, and the code that it gets."""

from collections.abc import Iterable
from typing import Any

from bot.advisor import provenance
from bot.advisor.provenance import DeclaredSource, Finding, Seen, artefacts, locked_files
from bot.advisor.subjects import locked_packages, of_lock
from bot.core.attestations import Attested, NotVerified, Publisher, Unchecked, Verified
from bot.core.packages import File

PYPI = DeclaredSource("pypi", "https://pypi.org/simple", verified=True)
OWN = DeclaredSource("own", "https://index.example/simple", verified=True)
BOTH = (PYPI, OWN)


def file(digest: str, *, yanked: bool = False) -> File:
    return File("flask-3.1.0-py3-none-any.whl", "3.1.0", digest * 64, 1, None, "", yanked, "wheel", "", False)  # noqa: FBT003


def lock(digests: str = "a", **entry: Any) -> dict[str, Any]:
    told = [{"name": source.name, "url": source.url, "verify_ssl": True} for source in BOTH]
    hashes = [f"sha256:{digest * 64}" for digest in digests]
    meta = {"hash": {"sha256": "good"}, "sources": told}
    return {"_meta": meta, "default": {"Flask": {"version": "==3.1.0", "hashes": hashes, **entry}}}


def seen(here: tuple[File, ...] | str, there: tuple[File, ...] | str = ()) -> Seen:
    return {("flask", "3.1.0", "pypi"): here, ("flask", "3.1.0", "own"): there}


def codes(found: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.type, finding.id) for finding in found]


def check(
    locked: dict[str, Any],
    sources: tuple[DeclaredSource, ...],
    known: Seen,
    *,
    hashes: Iterable[str],
    allowed: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    return provenance.check(of_lock(locked, sources, hashes), known, allowed=allowed)


def judge(locked: dict[str, Any], known: Seen, **options: Any) -> list[tuple[str, str]]:
    return codes(check(locked, BOTH, known, hashes=["good"], **options))


def test_a_lock_as_it_should_be_has_no_findings() -> None:
    assert judge(lock("ab"), seen((file("a"), file("b"), file("c")))) == []


def test_the_same_entry_in_two_categories_is_looked_at_once() -> None:
    told = lock()
    told["develop"] = told["default"]
    told["training"] = {"flask": {"version": "*"}}
    assert len(locked_packages(told, BOTH)) == 1
    assert locked_packages(told, ())[0].index == ""


def test_a_version_is_compared_in_its_normal_form() -> None:
    told = lock("a")
    told["default"]["Flask"]["version"] = "==3.1.0.post-1"
    told["default"]["odd"] = {"version": "===20.3-odd"}
    assert [package.version for package in locked_packages(told, BOTH)] == ["3.1.0.post1", "20.3-odd"]


def test_a_lock_of_another_pipfile() -> None:
    assert codes(check(lock(), BOTH, seen((file("a"),)), hashes=["other"])) == [("ERROR", "INVALID-LOCK-HASH")]
    told = lock()
    told["_meta"]["hash"] = {}
    (finding,) = check(told, BOTH, seen((file("a"),)), hashes=["other"])
    assert "no hash" in finding.justification


def test_a_hash_that_nobody_has() -> None:
    assert judge(lock("ax"), seen((file("a"),))) == [("ERROR", "INVALID-ARTIFACT-HASH")]


def test_a_file_of_another_index_than_the_declared_one() -> None:
    assert judge(lock("b", index="pypi"), seen((file("a"),), (file("b"),))) == [("ERROR", "ARTIFACT-DIFFERENT-SOURCE")]
    assert judge(lock("b", index="pypi"), seen((), (file("b"),))) == [("ERROR", "ARTIFACT-DIFFERENT-SOURCE")]
    (finding,) = check(lock("b", index="own"), BOTH, seen((file("b"),), (file("c"),)), hashes=["good"])
    assert (finding.source, finding.indexes) == ("own", ("pypi",))


def test_a_file_that_another_index_has_too() -> None:
    found = judge(lock("a", index="pypi"), seen((file("a"),), (file("a"),)))
    assert found == [("INFO", "ARTIFACT-POSSIBLE-DIFFERENT-SOURCE")]


def test_two_indexes_with_different_files_and_none_named() -> None:
    found = judge(lock("a"), seen((file("a"),), (file("b"),)))
    assert found == [("WARNING", "DIFFERENT-ARTIFACTS-ON-SOURCES")]


def test_a_package_that_is_nowhere() -> None:
    assert judge(lock("a"), seen((), ())) == [("ERROR", "MISSING-PACKAGE")]


def test_a_lock_without_hashes() -> None:
    assert judge(lock(""), seen((file("a"),))) == [("ERROR", "MISSING-ARTIFACT-HASH")]


def test_a_release_that_was_yanked() -> None:
    assert judge(lock("a"), seen((file("a", yanked=True),))) == [("WARNING", "YANKED-PACKAGE")]
    assert judge(lock("a"), seen((file("a", yanked=True), file("b")))) == []


def test_what_could_not_be_read_is_not_called_clean() -> None:
    found = check(lock("a"), BOTH, seen("its index answers HTML"), hashes=["good"])
    assert codes(found) == [("WARNING", "NOT-CHECKED")]
    assert found[0].justification == "flask 3.1.0 was not checked: its index answers HTML."
    assert judge(lock("a", index="gone"), seen((file("a"),))) == [("WARNING", "NOT-CHECKED")]
    assert judge(lock("a"), seen((file("a"),), "away")) == []


def test_an_entry_from_a_git_repository_is_named() -> None:
    told = lock("a")
    told["default"]["Mine"] = {"git": "https://github.com/ada/mine", "ref": "abc"}
    (finding,) = check(told, BOTH, seen((file("a"),)), hashes=["good"])
    assert finding.document == {
        "type": "INFO",
        "id": "NOT-FROM-AN-INDEX",
        "justification": "mine comes from no index, so nothing was checked.",
        "package_name": "mine",
    }


def test_sources_that_are_not_allowed_not_declared_or_not_verified() -> None:
    allowed = frozenset({"https://pypi.org/simple/"})
    assert judge(lock(), seen((file("a"),)), allowed=allowed) == [("ERROR", "SOURCE-NOT-WHITELISTED")]
    assert judge(lock(), seen((file("a"),)), allowed=allowed | {OWN.url}) == []
    plain = DeclaredSource("own", OWN.url, verified=False, trouble="it is refused")
    found = check(lock(), (PYPI, plain), seen((file("a"),)), hashes=["good"])
    assert codes(found) == [("WARNING", "INSECURE-SOURCE")]
    (undeclared,) = check(lock(), (PYPI,), seen((file("a"),)), hashes=["good"])
    assert (undeclared.id, undeclared.source) == ("SOURCE-NOT-WHITELISTED", "own")


def test_a_lock_whose_sources_are_no_tables_is_told() -> None:
    told = lock()
    told["_meta"]["sources"] = ["pypi"]
    assert judge(told, seen((file("a"),))) == [("ERROR", "SOURCE-NOT-WHITELISTED")]
    told["_meta"]["sources"] = "pypi"
    assert judge(told, seen((file("a"),))) == []


def test_the_worst_comes_first_and_nothing_in_a_document_is_null() -> None:
    found = check(lock("bx", index="pypi"), BOTH, seen((file("a", yanked=True),), (file("b"),)), hashes=["other"])
    assert [finding.type for finding in found] == ["ERROR", "ERROR", "ERROR", "WARNING"]
    assert found[1].document["indexes"] == ["own"]
    assert all(None not in finding.document.values() for finding in found)


def attested(locked: dict[str, Any], known: Seen, verdicts: dict[str, Attested]) -> tuple[Finding, ...]:
    subject = of_lock(locked, BOTH, ["good"])
    return provenance.check(subject, known, artefacts(locked_files(subject, known), verdicts))


def test_an_attestation_that_does_not_hold_is_told_once_a_package() -> None:
    known = seen((file("a"), file("b"), file("c")))
    ada = Verified((Publisher("GitHub", "ada/flask"),))
    found = attested(lock("abc"), known, {"a" * 64: NotVerified("it is of another file"), "b" * 64: ada})
    assert codes(found) == [("WARNING", "ATTESTATION-NOT-VERIFIED")]
    assert found[0].justification == (
        "flask 3.1.0 has an attestation that does not hold, of flask-3.1.0-py3-none-any.whl: it is of another file."
    )
    both = attested(lock("ab"), known, {"a" * 64: NotVerified("it is old"), "b" * 64: NotVerified("it is old")})
    assert both[0].justification.endswith("it is old (and 1 more of its files).")


def test_attestations_that_were_not_looked_at_are_told_once_a_reason() -> None:
    known = seen((file("a"), file("b"), file("c"), file("d")))
    away = Unchecked("the index is away")
    found = attested(lock("abc"), known, {"a" * 64: away, "b" * 64: away, "c" * 64: Unchecked("it is odd")})
    assert [finding.justification for finding in found] == [
        "The attestations of 2 files were not checked: the index is away.",
        "The attestations of one file were not checked: it is odd.",
    ]
    assert attested(lock("a"), seen("it is away"), {})[0].id == "NOT-CHECKED"
