"""Images, built by the real buildah and pushed to a real registry."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.buildah import Buildah, BuildFailed, RegistryAway
from bot.core.image import ImageSpec, containerfile
from bot.pipelines.image import Parts, stage
from tests.contract.registry import PRESENT, REASON, Registry
from tests.contract.s3 import free_port

pytestmark = pytest.mark.skipif(not PRESENT, reason=REASON)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry") / "served") as registry:
        yield registry


@pytest.fixture(scope="module")
def base(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("base")
    (root / "etc").mkdir()
    (root / "etc" / "os-release").write_text("ID=test\n")
    return registry.base(root)


def installed(folder: Path, *, flask: str = "3.1") -> Path:
    """An environment as an installer leaves it, with what tells of the place and the moment."""
    packages = folder / "lib" / "python3.11" / "site-packages"
    metadata = packages / f"flask-{flask}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Name: flask\nVersion: {flask}\n")
    (metadata / "RECORD").write_text(f"../../../bin/flask,sha256={folder.name},1\n")
    (packages / "flask.py").write_text(f"__version__ = '{flask}'\n")
    (folder / "bin").mkdir()
    (folder / "bin" / "flask").write_text(f"#!{folder}/bin/python\n")
    (folder / "bin" / "python").symlink_to("/usr/bin/python3")
    (folder / "bin" / "uv").write_bytes(b"\x7fELF and so on")
    (packages / "__pycache__").mkdir()
    (packages / "__pycache__" / "flask.cpython-311.pyc").write_bytes(os.urandom(8))
    return folder


def context(folder: Path, **environment: str) -> Path:
    tree = folder / "tree"
    (tree / "app").mkdir(parents=True)
    (tree / "app" / "__init__.py").write_text("create_app = None\n")
    (tree / "secret.txt").write_text("not an input")
    packages = installed(folder / "environment", **environment)
    stage(folder / "context", Parts(ImageSpec("", (), {}), packages, tree, ("app",)))
    return folder / "context"


async def built(registry: Registry, base: str, folder: Path, **environment: str) -> str:
    """The name by digest of an image that was built and pushed from scratch, with storage of its own."""
    buildah = Buildah(folder / "buildah")
    spec = ImageSpec(base, ("python3.11", "-m", "app.serve"), {"COMMIT": "c" * 40})
    made = await buildah.build(context(folder, **environment), containerfile(spec))
    name = f"{registry.host}/ada/digits"
    digest = await buildah.push(made, name, folder.name)
    await buildah.remove(made)
    return f"{name}@{digest}"


async def test_the_same_inputs_give_the_same_digest_and_another_package_another(
    registry: Registry, base: str, tmp_path: Path
) -> None:
    first = await built(registry, base, tmp_path / "one")
    await asyncio.sleep(1.1)  # so that a moment in it would show
    assert await built(registry, base, tmp_path / "two") == first
    assert await built(registry, base, tmp_path / "three", flask="3.2") != first
    configuration = registry.manifest(first)
    assert configuration["User"] == "10001:10001"
    assert configuration["Entrypoint"] == ["python3.11", "-m", "app.serve"]
    assert "COMMIT=" + "c" * 40 in str(configuration["Env"])


async def test_only_inputs_and_packages_are_in_the_folder(tmp_path: Path) -> None:
    folder = context(tmp_path)
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    metadata = "packages/flask-3.1.dist-info/METADATA"
    assert found == ["packages/bin/uv", metadata, "packages/flask.py", "source/app/__init__.py"]


async def test_a_base_that_is_not_there_is_told(registry: Registry, tmp_path: Path) -> None:
    wanted = f"{registry.host}/nothing@sha256:{'0' * 64}"
    with pytest.raises(BuildFailed, match="`buildah build` failed") as told:
        await Buildah(tmp_path / "b").build(context(tmp_path), containerfile(ImageSpec(wanted, ("x",), {})))
    assert told.value.log_tail


async def test_a_registry_that_is_away_is_tried_later(base: str, tmp_path: Path) -> None:
    buildah = Buildah(tmp_path / "buildah")
    made = await buildah.build(context(tmp_path), containerfile(ImageSpec(base, ("x",), {})))
    with pytest.raises(RegistryAway, match="did not answer") as told:
        await buildah.push(made, f"127.0.0.1:{free_port()}/ada/digits", "x")
    assert told.value.after == 60


def test_whether_there_is_a_buildah_is_known() -> None:
    assert Buildah.present() == (shutil.which("buildah") is not None)
