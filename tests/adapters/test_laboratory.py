import io
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.adapters.environments import Environments, own_uv
from bot.adapters.jail import Limits, best_isolation
from bot.adapters.laboratory import Laboratory
from bot.adapters.tarball import UnsafeTree, unpack
from bot.core import lockfile, repoconfig
from bot.core.evidence import (
    Accuracy,
    Failure,
    Latency,
    NotExamined,
    Recipe,
    ServiceRecipe,
    ServiceResult,
    TrainingRecipe,
    TrainingResult,
    verdict,
)
from bot.core.isolation import Isolation, LocalIsolation

FIXTURE = Path(__file__).parents[1] / "data" / "flask-exporter"
ANY = Recipe(None, None)
EMPTY_LOCK = lockfile.render({"_meta": {}, "default": {}, "app": {}})
QUICK = Limits(seconds=6, memory_mb=500)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    return Environments(tmp_path_factory.mktemp("environments"), uv=own_uv(), python=Path(sys.executable))


def lock(name: str) -> str:
    return (FIXTURE / "locks" / f"{name}.lock").read_text()


def tree(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def tarball(files: Mapping[str, str], *more: tarfile.TarInfo, top: str = "owner-name-abc123/") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
        for member in more:
            archive.addfile(member)
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


async def failure_of(
    environments: Environments, folder: Path, files: Mapping[str, str], recipe: Recipe = ANY
) -> Failure:
    """What is said of a repository that needs no package at all."""
    laboratory = Laboratory(environments, service_limits=QUICK, training_limits=QUICK)
    examination = await laboratory.examine(tree(folder, files), EMPTY_LOCK, recipe)
    assert len(examination.failures) == 1
    return examination.failures[0]


@pytest.mark.parametrize("required", ["bubblewrap", "pod"])
async def test_where_nothing_cuts_code_off_as_required_nothing_is_run_and_that_is_said(
    environments: Environments, tmp_path: Path, required: Isolation
) -> None:
    strict = Laboratory(environments, isolation="unshare", required=required)
    ran = tmp_path / "ran"
    source = tree(tmp_path / "source", {"wsgi.py": f"open({str(ran)!r}, 'w')\n{HELLO}"})
    examination = await strict.examine(source, EMPTY_LOCK, ANY)
    assert isinstance(examination.service, NotExamined)
    assert f"must be cut off by {required} (BOLIDE_REQUIRED_ISOLATION)" in examination.service.reason
    assert not ran.exists()


# The told cases, with the real packages.


@pytest.mark.network
@pytest.mark.enable_socket
@pytest.mark.parametrize("flask", ["2.2.2", "2.2.3", "2.3.2"])
async def test_an_exporter_that_flask_has_left_behind_is_named(environments: Environments, flask: str) -> None:
    laboratory = Laboratory(environments)
    today = await laboratory.examine(FIXTURE / "plain", lock("flask-2.2.5-exporter-0.22.4"), ANY)
    proposed = await laboratory.examine(FIXTURE / "plain", lock(f"flask-{flask}-exporter-0.18.7"), ANY)
    assert isinstance(today.service, ServiceResult)
    assert today.service.ready == "GET /readyz answered 200"
    assert 15 < today.service.peak_memory_mb < 200
    assert isinstance(proposed.service, Failure)
    assert proposed.service.phase == "import"
    assert proposed.service.culprit == "prometheus_flask_exporter"
    assert proposed.service.log_tail.splitlines()[-1].startswith("ImportError: cannot import name 'MethodViewType'")
    assert "/site-packages/" not in proposed.service.log_tail + proposed.service.sentence
    said = verdict(today, proposed)
    assert said.kind == "broken"
    assert "Importing `prometheus_flask_exporter` failed: ImportError" in said.sentence
    assert said.sentence.endswith("Today's lock works.")
    assert verdict(proposed, today).kind == "safe"


@pytest.mark.network
@pytest.mark.enable_socket
async def test_a_service_that_uses_what_flask_removed_is_named(environments: Environments) -> None:
    laboratory = Laboratory(environments)
    works = await laboratory.examine(FIXTURE / "first-request", lock("flask-2.2.5-exporter-0.22.4"), ANY)
    assert isinstance(works.service, ServiceResult)
    breaks = await laboratory.examine(FIXTURE / "first-request", lock("flask-2.3.2-exporter-0.22.4"), ANY)
    assert isinstance(breaks.service, Failure)
    assert "AttributeError: 'Flask' object has no attribute 'before_first_request'" in breaks.service.sentence
    assert 'File "app.py", line 9' in breaks.service.log_tail
    assert verdict(works, breaks).kind == "broken"


@pytest.mark.network
@pytest.mark.enable_socket
async def test_generated_code_that_protobuf_has_left_behind_is_named(environments: Environments) -> None:
    laboratory, source = Laboratory(environments), FIXTURE.parent / "old-protobuf-code"
    works = await laboratory.examine(source, (source / "protobuf-3.20.3.lock").read_text(), ANY)
    assert isinstance(works.service, ServiceResult)
    breaks = await laboratory.examine(source, (source / "protobuf-4.25.3.lock").read_text(), ANY)
    assert isinstance(breaks.service, Failure)
    # Not `google`, a name that many packages share.
    assert breaks.service.culprit == "google.api.http_pb2"
    assert "TypeError: Descriptors cannot be created directly" in breaks.service.sentence


@pytest.mark.network
@pytest.mark.enable_socket
async def test_a_pair_from_a_tarball(environments: Environments) -> None:
    files = {"app.py": (FIXTURE / "plain" / "app.py").read_text()}
    before, after = await Laboratory(environments).examine_pair(
        tarball(files), lock("flask-2.2.5-exporter-0.22.4"), lock("flask-2.3.2-exporter-0.22.4"), ANY
    )
    assert isinstance(before.service, ServiceResult)
    assert isinstance(after.service, ServiceResult)
    assert before.packages != after.packages
    said = verdict(before, after)
    assert (said.kind, said.sentence) == (
        "safe",
        "With the proposed lock the service starts (GET /readyz answered 200).",
    )


# Services without any package: what can go wrong, and how it is told.

HELLO = """
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


async def test_a_lock_that_differs_elsewhere_only_is_measured_once(environments: Environments) -> None:
    started: list[str] = []
    laboratory = Laboratory(environments, tell=started.append)
    other = lockfile.render({"_meta": {}, "default": {}, "app": {}, "dev": {"x": {"version": "==1"}}})
    before, after = await laboratory.examine_pair(tarball({"wsgi.py": HELLO}), EMPTY_LOCK, other, ANY)
    assert before == after
    assert started.count("Starting wsgi:application.") == 1
    assert "Both locks install the same packages here" in verdict(before, after).remarks[0]


@pytest.mark.parametrize(
    ("service", "phase", "sentence"),
    [
        ("import absent.inner", "import", "Importing `wsgi` failed: ModuleNotFoundError: No module named 'absent'."),
        ("import broken", "import", "Importing `wsgi` failed: SyntaxError in broken.py line 1: '(' was never closed."),
        ("import os; os.environ['DATABASE']", "import", "Importing `wsgi` failed: KeyError: 'DATABASE'."),
        ("import sys; sys.exit('no licence')", "import", "Importing `wsgi` ended the process: sys.exit('no licence')."),
        ("import os; os._exit(0)", "import", "The service `wsgi:application` ended with exit code 0 (while it was imp"),
        ("import ctypes; ctypes.string_at(0)", "import", "The service `wsgi:application` ended with signal 11 (while"),
        ("other = 1", "boot", "`wsgi` has no `application`."),
        ("application = 1", "boot", "`wsgi:application` is a int, not a WSGI application."),
        ("import time; time.sleep(60)", "import", "The service did not start within 3 s: it was still busy in wsgi.py"),
        (
            "import socket; socket.create_server(('127.0.0.1', 0)).accept()",
            "import",
            "The service did not start within 3 s: it started a server of its own",
        ),
        (
            "x = bytearray(900 * 2**20)\nwhile True: pass",
            "import",
            "The service `wsgi:application` was stopped: it had ta",
        ),
        (
            "import urllib.request as u; u.urlopen('http://192.0.2.1/')",
            "import",
            "Importing `wsgi` failed: URLError: <urlop",
        ),
        (
            "def application(environ, start):\n    start('503 No', [])\n    return [b'{\"reason\": \"no model\"}']",
            "ready",
            "GET /readyz answered 503: no model.",
        ),
        (
            "def application(environ, start):\n    raise RuntimeError('oh')",
            "ready",
            "GET /readyz answered 500 (RuntimeError: oh).",
        ),
    ],
)
async def test_a_service_that_does_not_start_is_told_why(
    environments: Environments, tmp_path: Path, service: str, phase: str, sentence: str
) -> None:
    recipe = Recipe(None, ServiceRecipe(("packages",), (), "wsgi:application", "/readyz", "", ""))
    failure = await failure_of(environments, tmp_path, {"wsgi.py": service, "broken.py": "x = ("}, recipe)
    assert failure.phase == phase
    assert failure.sentence.startswith(sentence)


async def test_noise_forks_and_threads_do_not_hide_the_result(environments: Environments, tmp_path: Path) -> None:
    noise = """
import os, sys, threading, time
os.fork()
print("x" * 100_000_000)
threading.Thread(target=lambda: time.sleep(100)).start()
"""
    source = tree(tmp_path, {"wsgi.py": noise + HELLO})
    examination = await Laboratory(environments).examine(source, EMPTY_LOCK, ANY)
    assert isinstance(examination.service, ServiceResult)
    assert examination.service.ready == "GET /readyz answered 200"
    assert isinstance(examination.training, NotExamined)


@pytest.mark.parametrize("kind", ["bubblewrap", "unshare", "process"])
async def test_every_kind_of_isolation_can_start_a_service_and_is_told(
    environments: Environments, tmp_path: Path, kind: LocalIsolation
) -> None:
    if kind != "process" and best_isolation() not in (kind, "bubblewrap"):
        pytest.skip(f"{kind} does not work on this machine")
    source = tree(tmp_path, {"wsgi.py": HELLO})
    examination = await Laboratory(environments, isolation=kind).examine(source, EMPTY_LOCK, ANY)
    assert isinstance(examination.service, ServiceResult)
    assert examination.isolation == kind


async def test_a_repository_without_a_service_is_never_safe(environments: Environments, tmp_path: Path) -> None:
    examination = await Laboratory(environments).examine(tree(tmp_path, {"lib.py": "x = 1"}), EMPTY_LOCK, ANY)
    assert isinstance(examination.service, NotExamined)
    said = verdict(examination, examination)
    assert said.kind == "not_checked"
    assert "name it as `service.wsgi` in .github/bolide.yaml" in said.sentence


async def test_a_lock_that_cannot_be_read_or_lacks_the_category(environments: Environments, tmp_path: Path) -> None:
    source = tree(tmp_path, {"wsgi.py": HELLO})
    laboratory = Laboratory(environments)
    unmerged = await laboratory.examine(source, "<<<<<<< HEAD", ANY)
    assert isinstance(unmerged.service, Failure)
    assert unmerged.service.sentence.startswith("Pipfile.lock has a merge conflict marker on line 1")
    unreadable = await laboratory.examine(source, "{", ANY)
    assert isinstance(unreadable.service, Failure)
    assert unreadable.service.sentence.startswith("Pipfile.lock is not JSON")
    recipe = Recipe(None, ServiceRecipe(("web",), (), "wsgi:application", "", "", ""))
    lacking = await laboratory.examine(source, EMPTY_LOCK, recipe)
    assert isinstance(lacking.service, Failure)
    assert "no category 'web'" in lacking.service.sentence


async def test_an_index_out_of_reach_says_nothing_about_the_lock(tmp_path: Path) -> None:
    away = Environments(
        tmp_path / "e", uv=own_uv(), python=Path(sys.executable), index_url="http://127.0.0.1:1/", cache=tmp_path / "c"
    )
    source = tree(tmp_path / "source", {"wsgi.py": HELLO})
    examination = await Laboratory(away).examine(source, lock("flask-2.2.5-exporter-0.22.4"), ANY)
    assert isinstance(examination.service, Failure)
    assert examination.service.inconclusive
    assert verdict(examination, examination).kind == "not_checked"


# A model: trained, evaluated, served.

STAGES = {
    "train.py": """
import json, os, pathlib
assert os.environ["QUICK"] == "1" and "GITHUB_APP_KEY" not in os.environ
model = pathlib.Path(os.environ["MODEL_DIR"])
digits = [[[label * 20] * 28 for _ in range(28)] for label in range(10)]
(model / "golden.json").write_text(json.dumps({"inputs": digits, "labels": list(range(10))}))
print("trained")
""",
    "evaluate.py": """
import json, os, pathlib
metrics = {"accuracy": 0.9912, "per_class_recall": [0.99] * 10, "examples": 10000}
pathlib.Path(os.environ["MODEL_DIR"], "metrics.json").write_text(json.dumps(metrics))
""",
    "serving/__init__.py": """
import json
def create_app():
    def application(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        if environ["REQUEST_METHOD"] == "GET":
            return [b"{}"]
        image = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["inputs"]
        return [json.dumps({"prediction": image[0][0] // 20}).encode()]
    return application
""",
}
TRAINING = TrainingRecipe(("packages",), (), ("python", "train.py"), ("python", "evaluate.py"), ())
SERVICE = ServiceRecipe(("packages",), (), "serving:create_app()", "/readyz", "/version", "/predict")


async def test_a_model_is_trained_evaluated_and_asked(environments: Environments, tmp_path: Path) -> None:
    source = tree(tmp_path, STAGES)
    examination = await Laboratory(environments).examine(source, EMPTY_LOCK, Recipe(TRAINING, SERVICE))
    assert isinstance(examination.training, TrainingResult)
    assert examination.training.accuracy == Accuracy(0.9912, (0.99,) * 10, 10000)
    assert isinstance(examination.service, ServiceResult)
    latency = examination.service.predictions
    assert isinstance(latency, Latency)
    assert latency.n == 200
    assert 0 < latency.p50_ms <= latency.p99_ms
    assert verdict(examination, examination).sentence == (
        "With the proposed lock the short training runs and the service starts and answers every known digit rightly."
    )
    assert {path.name for path in source.iterdir()} == {"train.py", "evaluate.py", "serving"}


async def test_a_wrong_answer_names_the_digit(environments: Environments, tmp_path: Path) -> None:
    wrong = {**STAGES, "serving/__init__.py": STAGES["serving/__init__.py"].replace("// 20", "// 20 or 8")}
    failure = await failure_of(environments, tmp_path, wrong, Recipe(TRAINING, SERVICE))
    assert (failure.phase, failure.sentence) == ("predict", "POST /predict took the known digit 0 for 8.")


async def test_an_error_while_answering_is_named(environments: Environments, tmp_path: Path) -> None:
    wrong = {**STAGES, "serving/__init__.py": STAGES["serving/__init__.py"].replace("// 20", "// 0")}
    failure = await failure_of(environments, tmp_path, wrong, Recipe(TRAINING, SERVICE))
    said = "POST /predict answered 500 to the known digit 0 (ZeroDivisionError: integer division or modulo by zero)."
    assert (failure.phase, failure.sentence) == ("predict", said)
    assert 'File "serving/__init__.py", line' in failure.log_tail


async def test_a_training_that_fails_is_told_and_the_service_only_started(
    environments: Environments, tmp_path: Path
) -> None:
    failing = {**STAGES, "train.py": "import sys; sys.exit('The gate of 0.97 was missed: 0.91.')"}
    source = tree(tmp_path, failing)
    examination = await Laboratory(environments).examine(source, EMPTY_LOCK, Recipe(TRAINING, SERVICE))
    assert examination.training == Failure(
        "train",
        "The short training (`python train.py`) ended with exit code 1: The gate of 0.97 was missed: 0.91.",
        "The gate of 0.97 was missed: 0.91.",
    )
    assert isinstance(examination.service, NotExamined)
    endless = {**STAGES, "train.py": "while True: pass"}
    failure = await failure_of(environments, tmp_path / "endless", endless, Recipe(TRAINING, SERVICE))
    assert "was stopped: it had not ended after 6 s" in failure.sentence


REPOSITORY = Path(__file__).parents[2]


def this_repository() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as archive:
        for name in ("app", "training"):
            archive.add(REPOSITORY / name, f"top/{name}", filter=lambda m: None if "__pycache__" in m.name else m)
    return buffer.getvalue()


@pytest.mark.slow
@pytest.mark.training
@pytest.mark.network
@pytest.mark.enable_socket
async def test_this_repository_with_its_own_lock(environments: Environments) -> None:
    recipe = repoconfig.parse((REPOSITORY / ".github" / "bolide.yaml").read_text()).recipe
    own = (REPOSITORY / "Pipfile.lock").read_text()
    _, after = await Laboratory(environments).examine_pair(this_repository(), own, own, recipe)
    assert isinstance(after.training, TrainingResult)
    assert isinstance(after.training.accuracy, Accuracy)
    assert after.training.accuracy.accuracy > 0.98
    assert after.training.accuracy.examples == 10_000
    assert isinstance(after.service, ServiceResult)
    assert isinstance(after.service.predictions, Latency)
    assert after.service.predictions.p50_ms < 50
    assert after.service.peak_memory_mb < 200
    assert after.service.size_mb < after.training.size_mb / 5


# The tree.


def test_a_tree_is_unpacked_and_its_top_folder_stepped_into(tmp_path: Path) -> None:
    link = member("top/link", tarfile.SYMTYPE, "a/b.txt")
    source = unpack(tarball({"a/b.txt": "text"}, link, top="top/"), tmp_path / "into")
    assert source.name == "top"
    assert (source / "a" / "b.txt").read_text() == (source / "link").read_text() == "text"


@pytest.mark.parametrize(
    "members",
    [
        [member("../outside", tarfile.REGTYPE)],
        [member("/etc/outside", tarfile.REGTYPE)],
        [member("hard", tarfile.LNKTYPE, "/etc/passwd")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("device", tarfile.CHRTYPE)],
        [member("twice", tarfile.REGTYPE), member("twice", tarfile.REGTYPE)],
    ],
)
def test_nothing_in_a_tree_reaches_outside(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    with pytest.raises(UnsafeTree, match="cannot be unpacked"):
        unpack(tarball({"good": "x"}, *members), tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("target", ["../../outside", "/etc/passwd"])
def test_a_link_that_leads_outside_is_left_out(tmp_path: Path, target: str) -> None:
    source = unpack(tarball({"good": "x"}, member("link", tarfile.SYMTYPE, target)), tmp_path / "into")
    assert (source / "good").read_text() == "x"
    assert not (source / "link").is_symlink()


def test_a_file_behind_a_link_that_leads_outside_stays_inside(tmp_path: Path) -> None:
    behind = member("link/file", tarfile.REGTYPE)
    outside = tmp_path / "outside"
    outside.mkdir()
    link = member("link", tarfile.SYMTYPE, str(outside))
    source = unpack(tarball({"good": "x"}, link, behind), tmp_path / "into")
    assert (source / "link" / "file").exists()
    assert not list(outside.iterdir())


def test_what_is_no_tarball_is_refused(tmp_path: Path) -> None:
    for number, content in enumerate((b"", b"PK\x03\x04", tarball({"a": "b" * 1000})[:60])):
        with pytest.raises(UnsafeTree, match="cannot be unpacked"):
            unpack(content, tmp_path / str(number))
