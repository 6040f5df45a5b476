"""The supervisor through its front doors: the public port, the control socket, its command line, and kill -9."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest

from bot.pipelines.control import Kept, NoSupervisor, Supervisor, Switched
from bot.pipelines.server import group_alive
from bot.pipelines.supervisor import main
from tests.pipelines.load import loading
from tests.pipelines.workshop import (
    SERVICE,
    free_port,
    make_release,
    sha,
    start_supervisor,
    supervising,
)


async def test_ten_switches_under_load_fail_no_request(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        assert isinstance(await running.ask.deploy(make_release(tmp_path, 0).path), Switched)
        async with loading(running.url, rate=60) as load:
            for number in range(1, 11):
                switched = await running.ask.deploy(make_release(tmp_path, number).path)
                assert isinstance(switched, Switched)
                assert switched.digits == 10
                assert await running.commit() == sha(number)
    assert load.failed == []
    assert load.sent > 200
    assert load.commits == {sha(number) for number in range(11)}


NOT_READY = SERVICE.replace('jsonify(ready=True, model=card["model_id"])', 'jsonify(reason="no model"), 503')
WRONG_VERSION = SERVICE.replace('os.environ["COMMIT"]', '"0" * 40')
ONE_WRONG_DIGIT = SERVICE.replace("(bright +", "(bright - (bright == 9) +")
ERRS = SERVICE.replace("bright = sum", "bright = 1 / 0 + sum")
LEAVES = SERVICE.replace('@app.get("/readyz")', 'os._exit(4)\n    @app.get("/readyz")')


BAD = {
    "import nowhere": "ModuleNotFoundError: No module named 'nowhere'",
    LEAVES: "stopped while it started",
    WRONG_VERSION: "/version answers commit '0000",
    ONE_WRONG_DIGIT: "/predict answers 8 for the golden digit 9",
    ERRS: "/predict answered 500 for the golden 0",
    SERVICE.replace('"/version"', '"/elsewhere"'): "/version answered 404",
}


async def test_bad_candidates_never_serve(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        await running.ask.deploy(make_release(tmp_path, 1).path)
        async with loading(running.url, rate=40) as load:
            for number, (service, said) in enumerate(BAD.items(), 2):
                kept = await running.ask.deploy(make_release(tmp_path, number, service=service).path)
                assert isinstance(kept, Kept)
                assert said in kept.sentence
        assert load.failed == []
        assert load.commits == {sha(1)}
        status = await running.ask.status()
        assert status.serving
        assert status.serving.commit == sha(1)
        assert status.restarts == 0


async def test_a_candidate_that_never_gets_ready_is_given_up_with_its_reason(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state", boot_seconds=2) as running:
        kept = await running.ask.deploy(make_release(tmp_path, 1, service=NOT_READY).path)
        assert isinstance(kept, Kept)
        assert "/readyz answered 503: no model." in kept.sentence
        assert "Booting worker" in kept.log_tail
        assert (await running.ask.status()).serving is None
        assert not list((tmp_path / "state" / "run").glob("*.sock"))


async def test_what_is_not_as_sealed_is_refused(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        model = make_release(tmp_path, 1).path / "model" / "model.tflite"
        model.write_bytes(model.read_bytes().replace(b"0", b"1", 1))
        added = make_release(tmp_path, 2).path / "model" / "extra.bin"
        added.write_bytes(b"x")
        gone = make_release(tmp_path, 3).path / "source" / "shop" / "__init__.py"
        gone.unlink()
        packages = make_release(tmp_path, 4).path / "environment"
        packages.unlink()
        empty = tmp_path / "releases" / "empty"
        empty.mkdir()
        for path, said in {
            model.parents[1]: "model/model.tflite was changed",
            added.parents[1]: "model/extra.bin was added",
            gone.parents[2]: "source/shop/__init__.py is missing",
            packages.parent: "has lost its packages",
            empty: "holds no release",
        }.items():
            kept = await running.ask.deploy(path)
            assert isinstance(kept, Kept)
            assert said in kept.sentence


async def test_a_killed_server_is_started_again_and_the_port_never_refuses(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        await running.ask.deploy(make_release(tmp_path, 1).path)
        before = (await running.ask.status()).serving
        assert before
        os.kill(before.pid, signal.SIGKILL)
        await _restarted(running.ask, 1)
        await running.answers(sha(1))
        after = (await running.ask.status()).serving
        assert after
        assert after.pid != before.pid
        assert not group_alive(before.pid)


async def test_a_switch_goes_on_when_the_asker_dies_and_asking_again_is_the_same_switch(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        sealed = make_release(tmp_path, 1)
        _, writer = await asyncio.open_unix_connection(str(running.state / "control.sock"))
        writer.write(json.dumps({"do": "deploy", "release": str(sealed.path)}).encode() + b"\n")
        await writer.drain()
        writer.transport.abort()
        again, twice = await asyncio.gather(running.ask.deploy(sealed.path), running.ask.deploy(sealed.path))
        assert again == twice == Switched(10, 0.0)
        assert await running.commit() == sha(1)
        assert len(list((running.state / "logs").glob("server-*.log"))) == 1


async def test_a_release_that_is_gone_from_the_disk_gives_way_to_the_next_deployment(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        lost = make_release(tmp_path, 1)
        await running.ask.deploy(lost.path)
        shutil.rmtree(lost.path)
        serving = (await running.ask.status()).serving
        assert serving
        os.kill(serving.pid, signal.SIGKILL)
        assert isinstance(await running.ask.deploy(lost.path), Kept)
        assert isinstance(await running.ask.deploy(make_release(tmp_path, 2).path), Switched)
        assert await running.commit() == sha(2)


async def test_a_killed_supervisor_frees_the_port_and_the_next_one_serves_the_last_release(tmp_path: Path) -> None:
    state, port = tmp_path / "state", free_port()
    first = await start_supervisor(state, port)
    await first.ask.deploy(make_release(tmp_path, 1).path)
    await first.ask.deploy(make_release(tmp_path, 2).path)
    first.process.kill()
    await first.process.wait()
    with pytest.raises(NoSupervisor, match="python -m bot supervise"):
        await first.ask.status()
    async with supervising(state, port) as second:
        await second.answers(sha(2))
        assert isinstance(await second.ask.deploy(make_release(tmp_path, 3).path), Switched)
        assert await second.commit() == sha(3)
    assert _is_free(port)


async def test_a_damaged_last_release_gives_way_to_the_one_before(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with supervising(state) as running:
        await running.ask.deploy(make_release(tmp_path, 1).path)
        last = make_release(tmp_path, 2)
        await running.ask.deploy(last.path)
    seal = last.path / "release.json"
    seal.write_text(seal.read_text().replace(sha(2), sha(3)))
    async with supervising(state) as running:
        await running.answers(sha(1))


async def test_the_port_says_that_nothing_is_deployed_and_the_service_sees_nothing_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_APP_SECRET", "canary-one")
    async with supervising(tmp_path / "state") as running:
        assert (await running.get("/"))["title"] == "Nothing is deployed yet"
        sealed = make_release(tmp_path, 1)
        await running.ask.deploy(sealed.path)
        seen = await running.get("/environment")
    assert "canary-one" not in json.dumps(seen)
    assert seen["MODEL_DIR"] == str(sealed.model)
    assert not list(sealed.path.rglob("__pycache__"))
    given = {"PATH", "LANG", "COMMIT", "LOCK_SHA256", "MODEL_DIR", "PYTHONDONTWRITEBYTECODE"}
    assert given <= set(seen)
    assert "HOME" not in seen


def test_a_taken_port_is_named_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["--state", str(tmp_path), "--port", str(port)]) == 1
    assert f"Port {port} on 127.0.0.1 is taken" in capsys.readouterr().err


async def test_a_state_folder_may_be_deeper_than_a_sockets_path(tmp_path: Path) -> None:
    async with supervising(tmp_path / ("x" * 120) / "state") as running:
        await running.ask.deploy(make_release(tmp_path, 1).path)
        await running.answers(sha(1))


async def test_one_supervisor_for_a_state_folder(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        code = "import sys; from bot.pipelines.supervisor import main; sys.exit(main(sys.argv[1:]))"
        options = ("--state", str(running.state), "--port", "0")
        pipe = asyncio.subprocess.PIPE
        second = await asyncio.create_subprocess_exec(sys.executable, "-c", code, *options, stderr=pipe)
        _, said = await second.communicate()
        assert second.returncode == 1
        assert b"A supervisor runs for" in said
        assert (await running.ask.status()).serving is None


async def test_the_control_socket_is_the_owners_and_answers_nonsense_politely(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        path = running.state / "control.sock"
        assert path.stat().st_mode & 0o777 == 0o600
        assert running.state.stat().st_mode & 0o777 == 0o700
        reader, writer = await asyncio.open_unix_connection(str(path))
        for question in (b"{", b"[1]", b'{"do": "deploy"}', b'{"do": "deploy", "release": 1}', b"null"):
            writer.write(question + b"\n")
            assert json.loads(await reader.readline())["ok"] is False
        writer.write(b"x" * 200_000 + b"\n")
        refused = {"ok": False, "sentence": "The question is longer than 65536 bytes."}
        assert json.loads(await reader.read()) == refused
        writer.close()
        assert (await running.ask.status()).url == running.url


async def test_stop_leaves_no_process_behind(tmp_path: Path) -> None:
    async with supervising(tmp_path / "state") as running:
        await running.ask.deploy(make_release(tmp_path, 1).path)
        serving = (await running.ask.status()).serving
        assert serving
        await running.ask.stop()
        assert await running.process.wait() == 0
        assert not group_alive(serving.pid)
        assert _is_free(running.port)


async def _restarted(supervisor: Supervisor, times: int) -> None:
    for _ in range(1200):
        if (await supervisor.status()).restarts >= times:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the server was not started again")


def _is_free(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0
