"""`python -m app.smoke URL SHA`: a running service is ready, on that commit, and right on known digits, or not."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_SECONDS = 10


class SmokeError(Exception):
    """The service is not what was asked for; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Service:
    """A running service at a base URL."""

    url: str

    def get(self, path: str) -> dict[str, Any]:
        """The JSON object at a path; raises SmokeError with the service's reason."""
        return self._ask(urllib.request.Request(self.url + path))  # noqa: S310  # main checks the scheme

    def predict(self, image: object) -> object:
        """The digit that the service sees in a 28×28 image; raises SmokeError."""
        body, headers = json.dumps({"inputs": image}).encode(), {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + "/predict", body, headers)  # noqa: S310  # main checks the scheme
        return self._ask(request).get("prediction")

    def _ask(self, request: urllib.request.Request) -> dict[str, Any]:
        path = request.selector
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  # main checks the scheme
                content = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                raise SmokeError(f"{path} answers {error.code}: {_reason(error.read())}") from error
        except (OSError, ValueError) as error:
            raise SmokeError(f"{self.url} does not answer {path} ({error}): is the service running there?") from error
        document = _object(content)
        if document is None:
            raise SmokeError(f"{path} does not answer with a JSON object: is this the digit service?")
        return document


def smoke(service: Service, sha: str, golden: dict[str, Any]) -> str:
    """One sentence on what was verified; raises SmokeError on the first thing that is not so."""
    if service.get("/readyz").get("ready") is not True:
        raise SmokeError("/readyz does not say that the service is ready.")
    version = service.get("/version")
    if version.get("commit") != sha:
        raise SmokeError(f"/version answers commit {version.get('commit')}, not {sha}.")
    for image, label in zip(golden["inputs"], golden["labels"], strict=True):
        digit = service.predict(image)
        if digit != label:
            raise SmokeError(f"/predict takes the golden {label} for a {digit}.")
    return (
        f"{service.url} serves commit {sha}, model {version.get('model')}: {len(golden['labels'])} golden digits right."
    )


def read_golden(path: Path) -> dict[str, Any]:
    """The golden set in a file; raises SmokeError when it is not one, or holds no digit."""
    try:
        golden = _object(path.read_bytes())
    except OSError as error:
        raise SmokeError(f"Cannot read {path} ({error.strerror}): set MODEL_DIR or give --golden.") from error
    labels, inputs = (golden or {}).get("labels"), (golden or {}).get("inputs")
    if golden is None or not isinstance(labels, list) or not isinstance(inputs, list) or not labels:
        raise SmokeError(f"{path} is not a golden set: it needs inputs and labels.")
    if len(labels) != len(inputs):
        raise SmokeError(f"{path} has {len(inputs)} inputs but {len(labels)} labels.")
    return golden


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 with a sentence on standard output, or 1 with one on standard error."""
    parser = argparse.ArgumentParser(prog="python -m app.smoke", description="Checks a running digit service.")
    parser.add_argument("url", help="where it runs, for example http://127.0.0.1:8000")
    parser.add_argument("sha", help="the commit that it must serve")
    parser.add_argument("--golden", type=Path, help="a golden.json; default: the one in MODEL_DIR")
    told = parser.parse_args(arguments)
    golden = told.golden or Path(os.environ.get("MODEL_DIR", ".")) / "golden.json"
    try:
        if not told.url.startswith(("http://", "https://")):
            raise SmokeError(f"{told.url} is not an http or https URL.")
        print(smoke(Service(told.url.rstrip("/")), told.sha, read_golden(golden)))
    except SmokeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _reason(content: bytes) -> str:
    document = _object(content) or {}
    return str(document.get("reason") or document.get("detail") or "it gives no reason.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
