"""What is looked at of requirements files and of uv's, and what their texts alone show."""

import pytest

from bot.advisor import provenance
from bot.advisor.provenance import Finding, Subject
from bot.advisor.subjects import subject
from bot.core.environments import Environment
from bot.core.errors import Refused

PYPI = "https://pypi.org/simple"
OWN = "https://index.example/simple"
PIN = f"flask==3.1.0 --hash=sha256:{'a' * 64}\n"
REQUIREMENTS = Environment("default", "requirements", "")
UV = Environment("gpu", "uv", "overlays/gpu")


def requirements(wanted: str = "flask\n", locked: str = PIN) -> Subject:
    return subject(REQUIREMENTS, wanted, locked)


def uv(project: str = "", *packages: str) -> Subject:
    return subject(UV, f"[project]\nname = 'digits'\n{project}", "version = 1\n" + "".join(packages))


def package(name: str, source: str, *, hashes: str = "a") -> str:
    files = ", ".join(f'{{ url = "x", hash = "sha256:{digest * 64}" }}' for digest in hashes)
    return f'[[package]]\nname = "{name}"\nversion = "1.0"\nsource = {{ {source} }}\nwheels = [{files}]\n'


def told(found: Subject) -> list[tuple[str, str]]:
    return [(finding.type, finding.id) for finding in found.found]


def test_pins_come_from_pypi_where_nothing_else_is_said() -> None:
    found = requirements()
    assert [(one.name, one.version, one.index, one.hashes) for one in found.packages] == [
        ("flask", "3.1.0", "pypi", frozenset({"a" * 64}))
    ]
    assert ([source.url for source in found.sources], found.found) == ([PYPI], ())


def test_pins_come_from_the_index_that_the_requirements_name() -> None:
    options = f"--extra-index-url {PYPI}/\n--index-url={OWN}\n"
    found = requirements(f"{options}flask\n", f"--index-url {OWN}/\n{PIN}")
    assert [source.url for source in found.sources] == [OWN, f"{PYPI}/"]
    assert (found.packages[0].index, found.found) == (OWN, ())


@pytest.mark.parametrize("option", ["--index-url", "-i", "--extra-index-url", "--find-links"])
def test_an_index_that_stands_in_the_lock_alone_is_told(option: str) -> None:
    (finding,) = requirements(locked=f"{option} {OWN}\n{PIN}").found
    assert (finding.type, finding.id, finding.source) == ("ERROR", "SOURCE-NOT-WHITELISTED", OWN)
    assert finding.justification == (
        f"requirements.txt takes packages from {OWN}, which requirements.in does not declare."
    )


def test_an_index_without_tls_or_with_an_unverified_host_is_not_called_verified() -> None:
    (plain,) = requirements("-i http://index.example/simple\nflask\n").sources
    assert (plain.verified, "must be read over https" in plain.trouble) == (False, True)
    trusted = requirements(f"-i {OWN}\nflask\n", f"--trusted-host index.example:443\n{PIN}").sources[0]
    assert (trusted.verified, trusted.trouble) == (False, "")


def test_a_password_in_an_address_is_not_told() -> None:
    secret = "https://ada:s3cret@index.example/simple"
    found = (
        requirements(locked=f"-i {secret}\n{PIN}"),
        requirements(f"-i {secret}\nflask\n"),
        uv("", package("flask", f'registry = "{secret}"')),
    )
    told = [str(finding) for one in found for finding in provenance.check(one, {}, allowed=frozenset({PYPI}))]
    assert len(told) >= 3
    assert "s3cret" not in "".join(told)


def test_a_lock_without_hashes_is_told_once() -> None:
    found = requirements(locked="flask==3.1.0\nwerkzeug==3.1.0\n")
    assert (told(found), found.hashed) == ([("WARNING", "MISSING-ARTIFACT-HASH")], False)
    assert requirements(locked="").hashed is False
    assert requirements(locked="").found == ()


def test_what_is_no_pin_is_refused_with_its_line() -> None:
    with pytest.raises(Refused, match=r"requirements\.txt line 1 is no pinned package"):
        requirements(locked="flask @ git+https://github.com/pallets/flask\n")


def test_each_package_of_uv_comes_from_the_registry_that_its_lock_names() -> None:
    index = f'[[tool.uv.index]]\nname = "own"\nurl = "{OWN}"\n'
    found = uv(index, package("flask", f'registry = "{PYPI}"'), package("Own", f'registry = "{OWN}/"', hashes="bc"))
    assert [(one.name, one.index, len(one.hashes), one.named) for one in found.packages] == [
        ("flask", "pypi", 1, True),
        ("own", OWN, 2, True),
    ]
    assert ([source.url for source in found.sources], found.found) == ([PYPI, OWN], ())


def test_a_registry_that_the_project_does_not_declare_is_told() -> None:
    found = uv("", package("flask", f'registry = "{OWN}"'), package("jinja2", f'registry = "{OWN}"'))
    assert found.found == (
        Finding(
            "ERROR",
            "SOURCE-NOT-WHITELISTED",
            f"overlays/gpu/uv.lock takes packages from {OWN}, which overlays/gpu/pyproject.toml does not declare.",
            source=OWN,
        ),
    )


def test_the_default_index_of_uv_may_be_another_one() -> None:
    default = f'[[tool.uv.index]]\nname = "own"\nurl = "{OWN}"\ndefault = true\n'
    assert [source.url for source in uv(default, package("flask", f'registry = "{OWN}"')).sources] == [OWN]
    older = f'[tool.uv]\nindex-url = "{OWN}"\nextra-index-url = ["{PYPI}"]\nallow-insecure-host = ["index.example"]\n'
    found = uv(older, package("flask", f'registry = "{PYPI}"'))
    assert [(source.url, source.verified) for source in found.sources] == [(OWN, False), (PYPI, True)]


def test_the_project_itself_is_no_package_and_what_is_from_elsewhere_is_told() -> None:
    found = uv("", package("digits", 'virtual = "."'), package("Mine", 'git = "https://github.com/ada/mine"'))
    assert (found.packages, told(found)) == ((), [("INFO", "NOT-FROM-AN-INDEX")])
    assert found.found[0].package == "mine"


def test_a_source_distribution_counts_too() -> None:
    sdist = package("flask", f'registry = "{PYPI}"').replace("wheels = [", "sdist = ").replace("}]", "}")
    assert uv("", sdist).packages[0].hashes == {"a" * 64}


@pytest.mark.parametrize("text", ["[", "", "package = 1", "[[package]]\nname = 1\nsource = 2\n"])
def test_what_uv_did_not_write_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"overlays/gpu/uv\.lock is no lock that uv made"):
        subject(UV, "", text)


def test_nine_indexes_are_too_many() -> None:
    options = "".join(f"--extra-index-url https://index.example/{number}\n" for number in range(9))
    with pytest.raises(Refused, match=r"Requirements\.in has 9 sources; the provenance of at most 8"):
        requirements(f"{options}flask\n")
