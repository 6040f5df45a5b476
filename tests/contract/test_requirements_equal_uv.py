"""The same requirements.in compiled by `uv pip compile` and by Bolide, from the real index: the files are equal."""

import subprocess
import sys
from pathlib import Path

import pytest

from bot.core import requirementstxt
from bot.core.packages import Keep, ResolveRequest
from bot.wiring import packages

pytestmark = [pytest.mark.network, pytest.mark.enable_socket]

IN = 'flask[async]>=3\npandas ; python_version >= "3.10"\n# the last one\nsetuptools\n'
UV = Path(sys.executable).with_name("uv")


def compiled(tmp_path: Path) -> str:
    (tmp_path / "requirements.in").write_text(IN)
    options = ("--generate-hashes", "--no-strip-extras", "--no-build", "--python", sys.executable)
    command = [str(UV), "pip", "compile", "requirements.in", "-o", "requirements.txt", *options]
    environment = {"HOME": str(tmp_path), "UV_SYSTEM_CERTS": "1"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    return (tmp_path / "requirements.txt").read_text()


async def test_the_files_are_equal(tmp_path: Path) -> None:
    theirs = compiled(tmp_path)
    wanted = requirementstxt.parse_in(IN, "requirements.in")
    old = requirementstxt.parse_lock(theirs, wanted, "requirements.txt")
    async with packages.open_packages(tmp_path / "state") as found:
        made = await found.resolver.resolve(ResolveRequest(wanted, old, "", Keep()))
    style = requirementstxt.style(theirs)
    assert requirementstxt.render(made.lock, wanted, made.required_by, style, "") == theirs
