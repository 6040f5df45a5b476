"""Imports a WSGI service, starts it, asks it, and writes what happened, one JSON object a line.

Run by the Python of an isolated environment, so nothing but the standard library is imported here:
`python -I probe.py '{"target": "app:create_app()", "result": "/path/to/result.jsonl", ...}'`, see `Questions`.
Each line is {"begin": phase}, {"done": phase, ...figures} or {"failed": phase, "sentence": ..., "culprit": ...}.
"""

import contextlib
import faulthandler
import fcntl
import http.client
import importlib
import json
import os
import socket
import socketserver
import struct
import sys
import sysconfig
import threading
import time
import traceback
import wsgiref.simple_server
from collections.abc import Iterator
from types import FrameType, TracebackType

FALLBACK_PATHS = ("/readyz", "/healthz", "/health", "/")
_MAX_BODY = 1_000_000


class Questions:
    """What the probe is asked, as it stands on the command line."""

    def __init__(self, text: str) -> None:
        told = json.loads(text)
        self.target: str = told["target"]
        self.result: str = told["result"]
        self.paths: list[str] = told.get("paths", ["."])
        self.ready: str = told.get("ready", "")
        self.version: str = told.get("version", "")
        self.predict: str = told.get("predict", "")
        self.golden: str = told.get("golden", "")
        self.only_boot: bool = told.get("only_boot", False)
        self.requests: int = told.get("requests", 200)
        self.import_seconds: float = told.get("import_seconds", 120.0)
        self.answer_seconds: float = told.get("answer_seconds", 30.0)


class Failed(Exception):
    """A phase did not work; the message is a sentence, `culprit` the module whose import failed."""

    def __init__(self, sentence: str, culprit: "str | None" = None) -> None:
        super().__init__(sentence)
        self.culprit = culprit


class Report:
    """The result file; each line is out before the next step begins, so that a crash shows where it came."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "w", encoding="utf-8")  # noqa: PTH123, SIM115 – open until the process ends
        self._lock = threading.Lock()
        self.phase = "import"

    def begin(self, phase: str) -> None:
        """Say that a phase begins."""
        self.phase = phase
        self._write({"begin": phase})

    def done(self, **figures: object) -> None:
        """Say that the phase worked."""
        self._write({"done": self.phase, **figures})

    def failed(self, sentence: str, culprit: "str | None" = None) -> None:
        """Say that the phase did not work."""
        self._write({"failed": self.phase, "sentence": sentence, "culprit": culprit})

    def close(self) -> None:
        """Close the file; nothing can be said afterwards."""
        self._file.close()

    def _write(self, document: "dict[str, object]") -> None:
        with self._lock:
            self._file.write(json.dumps(document) + "\n")
            self._file.flush()


def main(argument: str) -> int:
    """Go through the phases; 0 when all worked."""
    faulthandler.enable()
    questions = Questions(argument)
    report = Report(questions.result)
    sys.path[:0] = [os.path.abspath(path) for path in questions.paths]  # noqa: PTH100
    try:
        _examine(questions, report)
    except Failed as failure:
        report.failed(str(failure), failure.culprit)
        return 1
    finally:
        report.close()
    return 0


def _examine(questions: Questions, report: Report) -> None:
    name, _, attribute = questions.target.partition(":")
    report.begin("import")
    started, own_pid = time.perf_counter(), os.getpid()
    with _time_limit(questions.import_seconds, report):
        module = load(name)
    if os.getpid() != own_pid:  # the service forked while it was imported, and this is the child
        os._exit(0)
    report.done(seconds=time.perf_counter() - started)
    report.begin("boot")
    with _time_limit(questions.import_seconds, report):
        port = serve(application_of(module, name, attribute))
    report.done()
    if not questions.only_boot:
        _ask(port, questions, report)
    report.begin("memory")
    report.done(peak_mb=own_peak_mb())


def _ask(port: int, questions: Questions, report: Report) -> None:
    report.begin("ready")
    report.done(said=ask_ready(port, questions.ready, questions.answer_seconds))
    if questions.version:
        report.begin("version")
        report.done(said=ask_version(port, questions.version, questions.answer_seconds))
    if questions.predict and questions.golden:
        report.begin("predict")
        p50, p99, n = ask_digits(port, questions)
        report.done(p50_ms=p50, p99_ms=p99, n=n)


def load(name: str) -> object:
    """The imported module; raises Failed naming the import that failed."""
    try:
        return importlib.import_module(name)
    except SystemExit as end:
        raise Failed(f"importing `{name}` ended the process: sys.exit({end.code!r}).", name) from None
    except BaseException as error:
        raise _import_failed(name, error) from None


def application_of(module: object, name: str, attribute: str) -> object:
    """The WSGI callable that the module holds or whose factory it holds; raises Failed."""
    wanted = attribute.removesuffix("()")
    if not hasattr(module, wanted):
        raise Failed(f"`{name}` has no `{wanted}`.")
    found = getattr(module, wanted)
    if attribute.endswith("()"):
        try:
            found = found()
        except SystemExit as end:
            raise Failed(f"`{name}:{attribute}` ended the process: sys.exit({end.code!r}).") from None
        except ImportError as error:
            raise _import_failed(name, error) from None
        except BaseException as error:
            _print(error)
            raise Failed(f"`{name}:{attribute}` failed: {_said(error)}.") from None
    if not callable(found):
        raise Failed(f"`{name}:{attribute}` is a {type(found).__name__}, not a WSGI application.")
    return found


def _import_failed(name: str, error: BaseException) -> Failed:
    _print(error)
    if isinstance(error, SyntaxError) and error.filename:
        where = f"{_short(error.filename)} line {error.lineno}"
        return Failed(f"importing `{name}` failed: {type(error).__name__} in {where}: {error.msg}.", name)
    third, deepest = _imports(error.__traceback__)
    culprit = third or deepest or name
    inside = f" (in `{deepest}`)" if deepest and deepest != culprit else ""
    return Failed(f"importing `{culprit}` failed{inside}: {_said(error)}.", culprit)


def _imports(step: "TracebackType | None") -> "tuple[str | None, str | None]":
    """The first installed package that was being imported, and the module in which the import broke."""
    installed = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    third = deepest = None
    while step:
        frame = step.tb_frame
        if frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") != "__main__":
            module = str(frame.f_globals.get("__name__"))
            deepest = module
            if third is None and frame.f_code.co_filename.startswith(installed):
                top = module.partition(".")[0]
                # The top of a namespace package, such as `google`, belongs to many and would name none.
                shared = getattr(sys.modules.get(top), "__path__", None) and not getattr(
                    sys.modules[top], "__file__", None
                )
                third = module if shared else top
        step = step.tb_next
    return third, deepest


def _said(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0][:300].rstrip(".") if lines else ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def _print(error: BaseException) -> None:
    # The probe's own frames and those of the import machinery come first and tell nothing.
    step = error.__traceback__
    while step and step.tb_next and _is_ours(step.tb_frame.f_code.co_filename):
        step = step.tb_next
    traceback.print_exception(type(error), error, step)
    sys.stderr.flush()


def _is_ours(filename: str) -> bool:
    return filename == __file__ or filename.startswith("<frozen") or filename == importlib.__file__


def _short(path: str) -> str:
    here = f"{os.getcwd()}/"  # noqa: PTH109
    return path.split("/site-packages/")[-1].removeprefix(here)


@contextlib.contextmanager
def _time_limit(seconds: float, report: Report) -> "Iterator[None]":
    """End the process, saying where it hung, when the body takes longer; also from within a blocking call."""
    main_thread = threading.get_ident()

    def end() -> None:
        frame = sys._current_frames().get(main_thread)  # noqa: SLF001 – the only way to see where it hangs
        traceback.print_stack(frame)
        if _listens():
            reason = "it started a server of its own; guard `app.run()` by `if __name__ == '__main__'`"
        else:
            reason = f"it was still busy in {_last_place(frame)}"
        report.failed(f"the service did not start within {seconds:.0f} s: {reason}.")
        os._exit(3)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _last_place(frame: "FrameType | None") -> str:
    return f"{_short(frame.f_code.co_filename)} line {frame.f_lineno}" if frame else "an unknown place"


def _listens() -> bool:
    """Whether this process itself holds a listening TCP socket."""
    own = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            own.add(os.readlink(f"/proc/self/fd/{name}"))  # noqa: PTH115
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        with contextlib.suppress(OSError), open(table, encoding="ascii") as lines:  # noqa: PTH123
            for fields in (line.split() for line in lines):
                if len(fields) > 9 and fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                    return True
    return False


class _Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        # The standard server asks the name service for its own name here, which may wait for a network.
        self.server_name, self.server_port = "localhost", self.server_address[1]
        self.setup_environ()


class _Handler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 – the name is the standard library's
        """Say nothing: a line for each of the probe's own requests would hide the service's words."""


def serve(application: object) -> int:
    """Serve it on a free loopback port, in threads; returns the port."""
    _bring_loopback_up()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.set_app(application)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return int(server.server_port)


def _bring_loopback_up() -> None:
    """A fresh network name space has its loopback down; harmless where it is up or may not be changed."""
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        request = fcntl.ioctl(own, get_flags, struct.pack("16sH14x", b"lo", 0))
        flags = struct.unpack("16sH14x", request)[1]
        if not flags & up:
            fcntl.ioctl(own, set_flags, struct.pack("16sH14x", b"lo", flags | up))


def request(port: int, method: str, path: str, body: "bytes | None", timeout: float) -> "tuple[int, bytes]":
    """Status and body of one request; raises Failed where there is no answer in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_MAX_BODY)
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"{method} {path} was not answered: {_said(error)}.") from None
    finally:
        connection.close()


def ask_ready(port: int, path: str, seconds: float) -> str:
    """What the service answered, as a phrase; tried again until it is ready or the time is over. Raises Failed."""
    until = time.monotonic() + seconds
    while True:
        status, body, asked = _ask_one(port, path, seconds)
        if status == 200 or (not path and status < 500):
            return f"GET {asked} answered {status}"
        if time.monotonic() > until or status < 500:
            raise Failed(f"GET {asked} answered {status}{_reason(body)}.")
        time.sleep(0.5)


def _ask_one(port: int, path: str, seconds: float) -> "tuple[int, bytes, str]":
    """The answer to the path, or else to the first of the usual ones that the service knows."""
    status, body, asked = 0, b"", path
    for asked in (path,) if path else FALLBACK_PATHS:
        status, body = request(port, "GET", asked, None, seconds)
        if status not in (404, 405):
            break
    return status, body, asked


def _reason(body: bytes) -> str:
    text = body.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError):
        told = json.loads(text)
        if isinstance(told, dict):
            text = str(told.get("reason") or told.get("detail") or text)
    if text.startswith(("<", "A server error occurred")) or not text:
        return ""
    return f": {text[:300].rstrip('.')}"


def ask_version(port: int, path: str, seconds: float) -> str:
    """The answer to the version path, cut to 300 characters; raises Failed unless it is 200."""
    status, body = request(port, "GET", path, None, seconds)
    if status != 200:
        raise Failed(f"GET {path} answered {status}{_reason(body)}.")
    return body.decode("utf-8", "replace")[:300]


def ask_digits(port: int, questions: Questions) -> "tuple[float, float, int]":
    """p50 and p99 in milliseconds and the number of requests, each digit in turn; raises Failed on a wrong one."""
    with open(questions.golden, encoding="utf-8") as file:  # noqa: PTH123
        golden = json.load(file)
    digits = [
        (json.dumps({"inputs": image}).encode(), label)
        for image, label in zip(golden["inputs"], golden["labels"])  # noqa: B905 – runs on older Pythons
    ]
    if not digits:
        raise Failed("golden.json holds no digit; train again.")
    taken = []
    until = time.monotonic() + questions.answer_seconds
    for number in range(len(digits) + max(questions.requests, len(digits))):
        body, label = digits[number % len(digits)]
        started = time.perf_counter()
        status, answer = request(port, "POST", questions.predict, body, questions.answer_seconds)
        spent = (time.perf_counter() - started) * 1000
        _check_digit(status, answer, label, questions.predict)
        if number >= len(digits):  # the first round warms up
            taken.append(spent)
        if time.monotonic() > until and number >= 2 * len(digits):
            break
    taken.sort()
    return taken[len(taken) // 2], taken[min(len(taken) - 1, int(len(taken) * 0.99))], len(taken)


def _check_digit(status: int, answer: bytes, label: int, path: str) -> None:
    if status != 200:
        raise Failed(f"POST {path} answered {status} to the known digit {label}{_reason(answer)}.")
    try:
        said = json.loads(answer)["prediction"]
    except (ValueError, KeyError, TypeError):
        raise Failed(f"POST {path} answered the known digit {label} without a `prediction` in JSON.") from None
    if said != label:
        raise Failed(f"POST {path} took the known digit {label} for {said!r}.")


def own_peak_mb() -> float:
    """The highest resident memory of this process, in MiB."""
    with open("/proc/self/status", encoding="utf-8") as lines:  # noqa: PTH123
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    sys.stderr.flush()
    # Not sys.exit: threads that the service left running must not keep the process.
    os._exit(code)
