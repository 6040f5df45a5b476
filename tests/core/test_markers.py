import pytest

from bot.core.markers import direct_marker, folded, inherited, left_out_marker, python_marker


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("", ""),
        ("*", ""),
        (">=3.9", "python_version >= '3.9'"),
        (">=3.9,<4", "python_version >= '3.9' and python_version < '4'"),
        (">=3.8.6,<4.0.0", "python_full_version >= '3.8.6' and python_full_version < '4.0.0'"),
        (">=2.7, !=3.0.*, !=3.1.*", "python_version >= '2.7' and python_version != '3.0' and python_version != '3.1'"),
        (">=3.9,!=3.9.0", "python_version >= '3.9' and python_full_version != '3.9.0'"),
        (">3.6", "python_version >= '3.7'"),
        ("<=3.9.5", "python_version < '3.10'"),
        ("<=3", "python_version < '3.1'"),
        ("<=3.12", "python_version <= '3.12'"),
        (">=3.9,>=3.7", "python_version >= '3.7'"),
        ("~=3.9", "python_version ~= '3.9'"),
        ("3.9", "python_version == '3.9'"),
        ("==3.*", "python_version == '3'"),
        ("==3.9,==3.10", "python_version == '3.9' or python_version == '3.10'"),
        ("not a specifier", ""),
        (">=3.8rc1", ""),
    ],
)
def test_requires_python_becomes_the_marker_that_pipenv_writes(told: str, written: str) -> None:
    assert python_marker(told) == written


def test_conditions_of_an_entry_replace_requires_python() -> None:
    assert direct_marker("*", "a", ">=3.8") == "python_version >= '3.8'"
    assert direct_marker({"version": "*"}, "a", ">=3.8") == "python_version >= '3.8'"
    assert direct_marker({"markers": 'os_name == "nt"'}, "a", ">=3.8") == "os_name == 'nt'"
    both = {"markers": "os_name == 'posix'", "platform_machine": "== 'x86_64'"}
    assert direct_marker(both, "a", ">=3.8") == "os_name == 'posix' and platform_machine == 'x86_64'"
    assert direct_marker({"os_name": "== 'nt'"}, "a", ">=3.8") == "python_version >= '3.8' and os_name == 'nt'"
    assert direct_marker({"os_name": "== 'nt'"}, "a", "") == "os_name == 'nt'"


def test_a_platform_key_is_repeated_as_pipenv_repeats_it() -> None:
    entry = {"version": "*", "sys_platform": "!= 'win32'"}
    assert direct_marker(entry, "uvloop", ">=3.8") == " and ".join(["sys_platform != 'win32'"] * 3)
    assert direct_marker(entry, "UVLoop", ">=3.8") == "sys_platform != 'win32'"
    assert direct_marker({"sys_platform": '!= "win32"'}, "uvloop", ">=3.8") == "sys_platform != 'win32'"
    assert left_out_marker(entry) == "sys_platform != 'win32'"


def test_what_an_entry_passes_on() -> None:
    assert folded("*") == folded({"version": "*", "platform_system": "== 'Linux'"}) == ""
    assert folded({"sys_platform": "== 'a'", "markers": "b == c"}) == "(sys_platform == 'a') and (b == c)"
    assert inherited('extra == "x"') == inherited("") == ""
    assert inherited("(sys_platform == 'a')") == "sys_platform == 'a'"
