import time
from pathlib import Path

import pytest

from bot.core.pipfile import PipfileError, is_private, parse, pipfile_hash, python_of

SAMPLES = Path(__file__).parents[1] / "data" / "pipfiles"
SOURCE = '[[source]]\nname = "pypi"\nurl = "https://pypi.org/simple"\nverify_ssl = true\n'


def test_a_pipfile_is_read_with_its_categories_and_conditions() -> None:
    pipfile = parse(
        SOURCE + "[packages]\nFlask = '~=3.0'\nidna = '3.7'\n"
        "uvicorn = {version = '>= 0.20, <1', extras = ['standard'], markers = \"python_version < '4'\"}\n"
        "[docs]\nsphinx = {version = '*', sys_platform = \"== 'linux'\", os_name = \"== 'posix'\"}\n"
        "[requires]\npython_version = '3.11'\n[scripts]\nrun = 'x'\n[pipenv]\nallow_prereleases = true\n"
    )
    lines = {name: [r.pep508 for r in table.values()] for name, table in pipfile.categories.items()}
    assert lines == {
        "packages": ["Flask~=3.0", "idna==3.7", 'uvicorn[standard]>=0.20,<1 ; python_version < "4"'],
        "dev-packages": [],
        "docs": ['sphinx ; sys_platform == "linux"'],
    }
    assert pipfile.categories["packages"]["flask"].name == "Flask"
    assert python_of(pipfile) == "3.11"
    assert [source.url for source in pipfile.sources] == ["https://pypi.org/simple"]


@pytest.mark.parametrize(
    ("sample", "told"),
    [
        ("mixed-case", "3040dd17ca2f89dba66e29c7c161345c4bfad64c9f85a595811d20d31df0f053"),
        ("no-source", "ff88c6939e3090788e917cfdecf1af872168b83c8803457853061495493b5a71"),
        ("ranges", "9f0d1a53a2e58fd2157d78e0b2b372095154ee10d5931af5f5fb4dd055674a71"),
        ("full-version", "94f873802743b44cdf84b7c3cde7ca411d2754843e89ff50ebd0813614ee611d"),
        ("two-sources", "d23baae98f861a23068ac5adda7ad6d4ec52612bdcf16128e1bb840b65fc52b9"),
    ],
)
def test_the_hash_is_the_one_that_pipenv_wrote(sample: str, told: str) -> None:
    assert pipfile_hash(parse((SAMPLES / sample / "Pipfile").read_bytes())) == told


def test_a_date_among_the_packages_has_no_hash() -> None:
    with pytest.raises(PipfileError, match="has a date"):
        pipfile_hash(parse("[packages]\nflask = {version = '*', since = 2026-01-01}\n"))


def test_the_python_is_the_full_one_where_it_is_named() -> None:
    assert python_of(parse("[requires]\npython_full_version = '3.11.2'\npython_version = '3.11'\n")) == "3.11.2"
    assert python_of(parse("[requires]\npython_version = '>=3.9'\n")) == python_of(parse("")) == ""


def test_conditions_are_joined() -> None:
    entry = "{markers = \"python_version < '3'\", platform_machine = \"== 'arm64'\"}"
    [requirement] = parse(f"[packages]\nflask = {entry}\n").categories["packages"].values()
    assert requirement.markers == '(platform_machine == "arm64") and (python_version < "3")'


def test_only_older_generations_hash_names_as_written() -> None:
    pipfile, canonical = parse('[packages]\nFlask_Login = "*"\n'), parse('[packages]\nflask-login = "*"\n')
    assert pipfile_hash(pipfile) == pipfile_hash(canonical)
    assert pipfile_hash(pipfile, canonical_names=False) != pipfile_hash(canonical, canonical_names=False)


def test_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    text = SOURCE + '# why\n[packages]\nflask = "*"  # the web\n'
    plain = parse(text)
    assert parse("\ufeff" + text.replace("\n", "\r\n")) == plain
    assert parse(b"\xef\xbb\xbf" + text.encode()) == plain


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("<<<<<<< HEAD\n[packages]\n=======\n>>>>>>> other\n", "merge conflict marker on line 1"),
        ("[packages]\nflask = \n", "is not TOML.*line 2"),
        ("[packages]\nflask = '*'\nFlask = '*'\n", "names flask twice"),
        ("[packages]\nflask = 3\n", "must be a version"),
        ("[packages]\nflask = {version = 3}\n", "version must be text"),
        ("[packages]\nflask = '>=oops'\n", "not a version specifier"),
        ("[packages]\nflask = '===oops'\n", "not a version specifier"),
        ("[packages]\nflask = '===1.x,>1'\n", "not a version specifier"),
        ("[packages]\nflask = {markers = 'os == 1'}\n", "is not a marker"),
        ("[packages]\nflask = {sys_platform = 'import os'}\n", "is not a marker"),
        ("[packages]\nflask = {extras = 'all'}\n", "extras must be a list"),
        ("[packages]\nflask = {extras = ['a]; x']}\n", "extras must be a list"),
        ("[packages]\nflask = {index = 'other'}\n", "no \\[\\[source\\]\\] declares"),
        ("[packages]\nflask = {index = 3}\n", "index must be the name"),
        ("packages = 3\n", "must be a table"),
        ("title = 'x'\n", "must be a table"),
        ("requires = 3\n", "must be tables"),
        ("[default]\nflask = '*'\n", "cannot be a category"),
        ('["--extra-index-url=x"]\nflask = "*"\n', "cannot be a category"),
        ("source = []\n", "must be a list of tables"),
        ("[[source]]\nname = 'x'\n", "has no url"),
        (SOURCE + SOURCE, "same name"),
        ("a = " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
        (b"[packages]\n\xff\n", "not UTF-8"),
    ],
)
def test_a_malformed_pipfile_is_refused_in_one_sentence(text: str | bytes, sentence: str) -> None:
    with pytest.raises(PipfileError, match=sentence) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["--index-url=x", "a;b", "$(x)", "-r", "a b", "a\nb", "requests[socks]", "é", "../x", ""]
)
def test_what_is_not_a_package_name_never_becomes_a_requirement(name: str) -> None:
    escaped = name.replace("\n", "\\n")
    with pytest.raises(PipfileError, match="is not a package name"):
        parse(f'[packages]\n"{escaped}" = "*"\n')


@pytest.mark.parametrize("version", ["==1; os_name", "==1 --hash=x", "@ file:///x", "==1\\n--index-url=x", "[x]==1"])
def test_what_is_not_a_specifier_never_becomes_a_requirement(version: str) -> None:
    with pytest.raises(PipfileError, match="is not a version specifier"):
        parse(f'[packages]\nflask = "{version}"\n')


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("https://x/${SECRET}/simple", "has a variable"),
        ("https://$USER@example.org/simple", "has a variable"),
        ("http://pypi.org/simple", "must be read over https"),
        ("file:///srv/simple", "must be read over https"),
        ("https://", "must be read over https"),
        ("https://10.1.2.3/simple", "private address"),
        ("https://169.254.169.254/simple", "private address"),
        ("https://127.1/simple", "private address"),
        ("https://0x7f000001/simple", "private address"),
        ("https://2130706433/simple", "private address"),
        ("https://[::1]/simple", "private address"),
        ("https://[fe80::1]/simple", "private address"),
        ("https://localhost./simple", "private address"),
        ("https://intranet/simple", "private address"),
        ("https://0x7f.0.0.1/simple", "private address"),
        ("https://127.0x0.1/simple", "private address"),
        ("https://127.0.0.0x1/simple", "private address"),
        ("https://0177.0.0.1/simple", "private address"),
        ("https://127.0.0.1./simple", "private address"),
        ("https://8.8.2056/simple", "private address"),
        ("https://example.1/simple", "private address"),
        ("https://[64:ff9b::7f00:1]/simple", "private address"),
        ("https://[64:ff9b::808:808]/simple", "private address"),
        ("https://[::ffff:127.0.0.1]/simple", "private address"),
        ("https://[::127.0.0.1]/simple", "private address"),
        ("https://[2002:7f00:1::]/simple", "private address"),
        ("https://[fe80::1%25eth0]/simple", "private address"),
        ("https://[2606:4700::1111%25eth0]/simple", "private address"),
        ("https://[::zz]/simple", "private address|is not a url"),
        ("https://224.0.0.1/simple", "private address"),
        ("https://%31%32%37.0.0.1/simple", "private address"),
        ("https://127.0.0.%31/simple", "private address"),
        ("https://metadata.google.internal./simple", "private address"),
        ("https://127.0.0.1\\\\@example.org/simple", "backslashes"),
        ("https://example.org/simple\\nX: y", "control characters"),
        ("https://example.org:port/simple", "is not a url"),
    ],
)
def test_an_index_that_is_private_open_or_asks_for_a_variable_is_refused(url: str, sentence: str) -> None:
    text = f'[[source]]\nname = "x"\nurl = "{url}"\n[packages]\n'
    with pytest.raises(PipfileError, match=sentence):
        parse(text)


@pytest.mark.parametrize("url", ["http://me:geheim@example.org/simple", "https://me:geheim@example.org:port/simple"])
def test_a_refused_address_is_told_without_its_password(url: str) -> None:
    with pytest.raises(PipfileError, match=r"//example\.org") as told:
        parse(f'[[source]]\nname = "x"\nurl = "{url}"\n[packages]\n')
    assert "geheim" not in str(told.value)


def test_the_operator_can_allow_a_host_by_name() -> None:
    text = '[[source]]\nname = "in"\nurl = "http://10.1.2.3:8080/simple"\nverify_ssl = false\n[packages]\n'
    assert parse(text, frozenset({"10.1.2.3"})).sources[0].verify_ssl is False
    with pytest.raises(PipfileError, match="must be read over https"):
        parse(text, frozenset({"10.1.2.4"}))


def test_verification_cannot_be_turned_off() -> None:
    with pytest.raises(PipfileError, match="turns verify_ssl off"):
        parse('[[source]]\nname = "x"\nurl = "https://example.org/simple"\nverify_ssl = false\n')


def test_public_addresses_are_public() -> None:
    assert not any(map(is_private, ("pypi.org", "8.8.8.8", "2606:4700::1111", "a.b.example.", "3com.com", "x.0a")))


@pytest.mark.parametrize(
    "entry", ["path = '.'", "git = 'https://x/y.git'", "file = 'https://x/y.whl'", "editable = true"]
)
def test_entries_that_are_not_from_an_index_are_told_apart(entry: str) -> None:
    [requirement] = parse(f"[packages]\ntool = {{{entry}}}\n").categories["packages"].values()
    assert requirement.unresolved == entry.split(" ")[0]


@pytest.mark.parametrize(
    "text",
    [
        "[packages]\n" + "".join(f'package-{number} = "*"\n' for number in range(100_000)),
        "[packages]\n" + "".join(f'p{number} = ""\n' for number in range(30_000)),
        "# " + "x" * 10_000_000,
        "".join(f"[c{part}]\n" + "".join(f"p{number} = ''\n" for number in range(1500)) for part in range(2)),
    ],
    ids=["10^5 entries", "many short entries", "10 MB", "many in two categories"],
)
def test_an_oversized_pipfile_is_refused_quickly(text: str) -> None:
    started = time.process_time()
    with pytest.raises(PipfileError, match="the limit is"):
        parse(text)
    assert time.process_time() - started < 2


def test_the_settings_of_thoths_client_are_no_category_and_do_not_count_for_the_hash() -> None:
    plain = SOURCE + "[packages]\nflask = '*'\n"
    settings = "[thoth]\ndisable_index_adjustment = false\n[thoth.allow_prereleases]\nflask = true\n"
    pipfile = parse(plain + settings)
    assert list(pipfile.categories) == ["packages", "dev-packages"]
    assert pipfile_hash(pipfile) == pipfile_hash(parse(plain))


def test_a_category_may_be_called_thoth() -> None:
    assert "thoth" in parse(SOURCE + "[packages]\n[thoth]\nthamos = '*'\n").categories
