import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.adapters import jail
from bot.adapters.jail import Finished, Limits, best_isolation
from bot.core.isolation import LocalIsolation

EVERY_KIND: list[LocalIsolation] = ["bubblewrap", "unshare", "process"]
WITHOUT_NETWORK: list[LocalIsolation] = ["bubblewrap", "unshare"]


def needs(kind: LocalIsolation) -> None:
    rank = {"bubblewrap": 2, "unshare": 1, "process": 0}
    if rank[kind] > rank[best_isolation()]:
        pytest.skip(f"{kind} does not work on this machine")


async def python(
    code: str, tmp_path: Path, kind: LocalIsolation | None = None, limits: Limits | None = None
) -> Finished:
    return await jail.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        environ={},
        readable=[tmp_path, Path(sys.prefix)],
        limits=limits or Limits(seconds=20),
        isolation=kind,
    )


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and ") Z" not in Path(f"/proc/{pid}/stat").read_text()


def write_text(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def read_text(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_it_reports_how_a_command_ended(tmp_path: Path, kind: LocalIsolation) -> None:
    needs(kind)
    finished = await python("import sys; print('one'); print('two', file=sys.stderr); sys.exit(3)", tmp_path, kind)
    assert (finished.returncode, finished.isolation, finished.stopped) == (3, kind, None)
    assert sorted(finished.output_tail.splitlines()) == ["one", "two"]
    assert 0 < finished.seconds < 10


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_nothing_of_our_environment_is_visible(
    tmp_path: Path, kind: LocalIsolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs(kind)
    monkeypatch.setenv("GITHUB_APP_KEY", "canary")
    finished = await python("import os; print(sorted(os.environ.items()))", tmp_path, kind)
    assert "canary" not in finished.output_tail
    names = {name for name, _ in eval(finished.output_tail)}  # noqa: S307 – our own three lines above printed it
    assert names - {"PWD", "LC_CTYPE", "SHLVL", "_"} == {"HOME", "LANG", "PATH", "TMPDIR"}


@pytest.mark.parametrize("kind", WITHOUT_NETWORK)
async def test_there_is_no_network(tmp_path: Path, kind: LocalIsolation) -> None:
    needs(kind)
    # A server on this machine's loopback is as far away as any other.
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2); print('connected')"
    finished = await python(code, tmp_path, kind)
    assert finished.returncode == 1
    assert "OSError" in finished.output_tail or "ConnectionRefused" in finished.output_tail
    outside = await python("import socket; socket.create_connection(('192.0.2.1', 80), 2)", tmp_path, kind)
    assert "Network is unreachable" in outside.output_tail
    server.close()
    await server.wait_closed()


async def test_its_own_loopback_works_and_files_are_out_of_sight(tmp_path: Path) -> None:
    needs("bubblewrap")
    secret = write_text(tmp_path / "secret", "canary")
    allowed, written = tmp_path / "allowed", tmp_path / "written"
    for folder in (allowed, written):
        folder.mkdir()
    code = f"""
import os, pathlib, socket
here = socket.create_server(('127.0.0.1', 0)); socket.create_connection(here.getsockname()); print('loopback')
print(os.path.exists({str(secret)!r}), os.path.exists('/etc/shadow'), sorted(os.listdir({str(tmp_path)!r})), end=' ')
print(os.getuid())
for folder in ({str(allowed)!r}, '/usr', '/', '/dev', {str(written)!r}, os.environ['TMPDIR']):
    try: pathlib.Path(folder, 'file').write_text('x'); print('wrote', folder)
    except OSError: pass
"""
    finished = await jail.run(
        [sys.executable, "-I", "-c", code],
        cwd=allowed,
        environ={},
        readable=[allowed, Path(sys.prefix)],
        writable=[written],
    )
    assert finished.output_tail.splitlines() == [
        "loopback",
        "False False ['allowed', 'written'] 65534",
        f"wrote {written}",
        "wrote /tmp",
    ]
    assert read_text(written / "file") == "x"


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_a_hanging_command_and_its_children_are_ended(tmp_path: Path, kind: LocalIsolation) -> None:
    needs(kind)
    # The grandchild leaves the process group and its parent ends: it is found all the same.
    seconds = 100_000 + os.getpid()
    script = f"sh -c 'setsid sleep {seconds} & echo $!; sleep 1'; sleep 1000"
    finished = await jail.run(
        ["/bin/sh", "-c", script], cwd=Path("/"), environ={}, limits=Limits(seconds=2), isolation=kind
    )
    assert finished.stopped == "time"
    assert finished.returncode != 0
    assert finished.seconds > 1.9
    if kind == "process":
        assert not is_alive(int(finished.output_tail))
    assert not sleepers(seconds)


def sleepers(seconds: int) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{seconds}\0".encode():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_cancelling_leaves_nothing_behind(tmp_path: Path, kind: LocalIsolation) -> None:
    needs(kind)
    seconds = 200_000 + os.getpid()
    script = f"sleep {seconds} & sleep {seconds}"
    task = asyncio.create_task(jail.run(["/bin/sh", "-c", script], cwd=Path("/"), environ={}, isolation=kind))
    for _ in range(1200):
        if len(sleepers(seconds)) == 2:
            break
        await asyncio.sleep(0.05)
    assert len(sleepers(seconds)) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not sleepers(seconds)


async def test_each_limit_is_named(tmp_path: Path) -> None:
    memory = await python(
        "b = bytearray(400 * 2**20); import time; time.sleep(20)", tmp_path, limits=Limits(20, memory_mb=200)
    )
    assert (memory.stopped, memory.peak_memory_mb > 200) == ("memory", True)
    cpu = await python("while True: pass", tmp_path, limits=Limits(20, cpu_seconds=0.5))
    assert cpu.stopped == "cpu"
    assert cpu.cpu_seconds >= 0.5
    many = await python(
        "import os, time\nfor _ in range(30): os.fork() or time.sleep(20)\ntime.sleep(20)",
        tmp_path,
        limits=Limits(20, processes=10),
    )
    assert many.stopped == "processes"
    disk = await python(
        "import os\nfor n in range(40): open(os.environ['TMPDIR'] + f'/{n}', 'wb').write(bytes(2**20))\n"
        "import time; time.sleep(20)",
        tmp_path,
        limits=Limits(20, disk_mb=20),
    )
    assert disk.stopped == "disk"
    large = await python(
        "import os; open(os.environ['TMPDIR'] + '/f', 'wb').write(bytes(9 * 2**20))", tmp_path, limits=Limits(file_mb=5)
    )
    assert "File too large" in large.output_tail


async def test_a_flood_of_output_is_read_and_only_its_end_kept(tmp_path: Path) -> None:
    seen: list[str] = []
    finished = await jail.run(
        [sys.executable, "-I", "-c", "print('x' * 50_000_000)\nfor n in range(100_000): print(n)"],
        cwd=tmp_path,
        environ={},
        readable=[tmp_path, Path(sys.prefix)],
        on_line=seen.append,
    )
    assert finished.returncode == 0
    assert finished.output_tail.splitlines()[-1] == "99999"
    assert len(finished.output_tail.splitlines()) == 200
    assert seen[-1] == "99999"
    assert max(map(len, seen)) <= 2000


async def test_a_pipe_reaches_the_command_and_memory_is_measured(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    code = f"import os, time; b = bytearray(100 * 2**20); time.sleep(1); os.write({writing}, b'result')"
    finished = await jail.run(
        [sys.executable, "-I", "-c", code],
        cwd=tmp_path,
        environ={},
        readable=[tmp_path, Path(sys.prefix)],
        pass_fds=[writing],
    )
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "result"
    assert 100 < finished.peak_memory_mb < 140


async def test_a_missing_path_is_named_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent does not exist, so the command true was not started"):
        await jail.run(["true"], cwd=tmp_path, environ={}, readable=[tmp_path / "absent"])
