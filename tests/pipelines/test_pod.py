"""What a stage in a pod unpacks stays in its folder, and packages that are in the image are not installed again."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from bot.core import lockfile
from bot.core.image import training_spec
from bot.pipelines.pod import PodError, extract, packages_inside, requirements


def unpacked(member: tarfile.TarInfo, content: bytes, folder: Path) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        extract(archive, archive.getmembers()[0], folder, member.name)


def test_files_and_links_within_are_written(tmp_path: Path) -> None:
    script = tarfile.TarInfo("deep/run")
    script.mode = 0o755
    unpacked(script, b"#!/bin/sh\n", tmp_path)
    link = tarfile.TarInfo("deep/again")
    link.type, link.linkname = tarfile.SYMTYPE, "run"
    unpacked(link, b"", tmp_path)
    assert (tmp_path / "deep" / "again").read_text() == "#!/bin/sh\n"
    assert (tmp_path / "deep" / "run").stat().st_mode & 0o111


@pytest.mark.parametrize("name", ["../out", "/out", "deep/../../out"])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "within"
    folder.mkdir()
    with pytest.raises(PodError, match="leads out of the archive"):
        unpacked(tarfile.TarInfo(name), b"x", folder)
    assert not (tmp_path / "out").exists()


def test_a_link_that_leads_out_and_a_device_are_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    with pytest.raises(PodError, match="leads out"):
        unpacked(link, b"", tmp_path)
    pipe = tarfile.TarInfo("pipe")
    pipe.type = tarfile.FIFOTYPE
    with pytest.raises(PodError, match="neither a file nor a link"):
        unpacked(pipe, b"", tmp_path)


def test_packages_that_the_image_says_it_has_are_known() -> None:
    lock = json.loads((Path(__file__).parents[2] / "Pipfile.lock").read_text())
    categories = ["packages", "training"]
    told = hashlib.sha256(lockfile.requirements(lock, categories).encode()).hexdigest()
    image = dict(training_spec(f"python@sha256:{'a' * 64}", told).environ)
    assert packages_inside(requirements(lock, categories), image)
    assert not packages_inside(requirements(lock, ["packages"]), image)
    assert not packages_inside([], {})
