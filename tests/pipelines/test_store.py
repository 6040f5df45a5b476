"""The artefact store: by content, whole or not at all."""

import os
from pathlib import Path

import pytest

from bot.pipelines.files import UnsoundTree
from bot.pipelines.store import FolderStore


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
