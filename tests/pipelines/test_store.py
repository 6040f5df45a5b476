"""The artefact store: by content, whole or not at all."""

import os
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from bot.pipelines.files import UnsoundTree
from bot.pipelines.store import FolderStore, SharedStore
from tests.contract.memory_objects import MemoryObjects


def folder(path: Path, **texts: str) -> Path:
    (path / "deep").mkdir(parents=True)
    for name, text in texts.items():
        (path / "deep" / name).write_text(text)
    return path


async def test_what_was_kept_is_found_and_equal_content_is_kept_once(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    one = await store.keep("k1", folder(tmp_path / "a", x="1"), "c1")
    two = await store.keep("k2", folder(tmp_path / "b", x="1"), "c2")
    assert one.path == two.path
    assert (one.path / "deep" / "x").read_text() == "1"
    found = await FolderStore(tmp_path / "store").find("k1")
    assert found == one
    assert await store.find("k3") is None


@pytest.mark.parametrize("damage", ["changed", "removed", "added", "key"])
async def test_what_is_damaged_is_not_found_and_can_be_kept_again(tmp_path: Path, damage: str) -> None:
    store = FolderStore(tmp_path / "store")
    kept = await store.keep("k1", folder(tmp_path / "a", x="1"), "c1")
    match damage:
        case "changed":
            (kept.path / "deep" / "x").write_text("2")
        case "removed":
            (kept.path / "deep" / "x").unlink()
        case "added":
            (kept.path / "y").write_text("2")
        case _:
            (tmp_path / "store" / "keys" / "k1.json").write_text("{")
    assert await store.find("k1") is None
    again = await store.keep("k1", tmp_path / "a", "c2")
    assert await store.find("k1") == again


async def test_links_and_pipes_are_not_kept(tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    linked = folder(tmp_path / "a", x="1")
    (linked / "out").symlink_to("/etc")
    with pytest.raises(UnsoundTree, match="out is a link"):
        await store.keep("k1", linked, "c1")
    piped = folder(tmp_path / "b", x="1")
    os.mkfifo(piped / "pipe")
    with pytest.raises(UnsoundTree, match="pipe is neither a file nor a folder"):
        await store.keep("k1", piped, "c1")
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def machine(tmp_path: Path, name: str, objects: MemoryObjects) -> SharedStore:
    return SharedStore(FolderStore(tmp_path / name), objects)


async def test_what_one_machine_kept_another_finds(tmp_path: Path) -> None:
    objects = MemoryObjects()
    made = folder(tmp_path / "a", x="1")
    (made / "deep" / "run").write_text("#!/bin/sh\n")
    (made / "deep" / "run").chmod(0o755)
    kept = await machine(tmp_path, "here", objects).keep("k1", made, "c1")
    there = machine(tmp_path, "there", objects)
    found = await there.find("k1")
    assert found
    assert (found.sha256, found.commit) == (kept.sha256, "c1")
    assert os.access(found.path / "deep" / "run", os.X_OK)
    assert await there.find("k2") is None
    objects.held.clear()
    assert await there.find("k1") == found  # it lies on this machine now


async def test_equal_content_is_one_object(tmp_path: Path) -> None:
    objects = MemoryObjects()
    await machine(tmp_path, "here", objects).keep("k1", folder(tmp_path / "a", x="1", y="2"), "c1")
    first = dict(objects.held)
    await machine(tmp_path, "there", objects).keep("k1", folder(tmp_path / "b", y="2", x="1"), "c1")
    assert objects.held == first


@pytest.mark.parametrize("damage", ["content", "tar", "entry", "path", "other", "gone"])
async def test_what_was_tampered_with_in_the_object_store_is_not_used(tmp_path: Path, damage: str) -> None:
    objects = MemoryObjects()
    kept = await machine(tmp_path, "here", objects).keep("k1", folder(tmp_path / "a", x="1"), "c1")
    name = f"objects/{kept.sha256}.tar"
    match damage:
        case "content":
            objects.held[name] = objects.held[name].replace(b"1", b"2")
        case "tar":
            objects.held[name] = objects.held[name][:700]
        case "entry":
            objects.held["keys/k1.json"] = b'{"sha256": "../../etc", "commit": "c1"}'
        case "path":
            objects.held[name] = _tar_that_leads_out()
        case "other":
            other = await machine(tmp_path, "other", objects).keep("k2", folder(tmp_path / "b", x="2"), "c1")
            objects.held[name] = objects.held[f"objects/{other.sha256}.tar"]
        case _:
            del objects.held[name]
    assert await machine(tmp_path, "there", objects).find("k1") is None
    assert not (tmp_path / "out").exists()


def _tar_that_leads_out() -> bytes:
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("../../../../../../out", "/out", "deep/x"):
            member = tarfile.TarInfo(name)
            member.size = 1
            archive.addfile(member, BytesIO(b"2"))
        link = tarfile.TarInfo("deep/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return packed.getvalue()
