import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.training.workshop import DATA, run_stage
from training.data import CANONICAL
from training.sources import EMPTY_SHA256, authorization

KEYS = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "canary-9f3a", "OBJECT_STORAGE_BUCKET_NAME": "models"}


class Shelf(http.server.SimpleHTTPRequestHandler):
    """Serves the data at /mnist/, and at /models/ to those whose signature is the right one for KEYS."""

    def do_GET(self) -> None:
        _, shelf, name = self.path.split("/", 2)
        self.path = f"/{name}"
        if shelf == "models" and not self.signed(shelf, name):
            self.send_error(403)
        elif shelf in ("mnist", "models"):
            super().do_GET()
        else:
            self.send_error(404)

    def signed(self, shelf: str, name: str) -> bool:
        headers = {key: self.headers.get(key, "") for key in ("x-amz-content-sha256", "x-amz-date")}
        url = f"http://{self.headers['Host']}/{shelf}/{name}"
        right = authorization(url, headers, KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], "us-east-1")
        return self.headers.get("Authorization") == right

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = Path(shutil.copytree(DATA, tmp_path / "shelf"))
    handler = functools.partial(Shelf, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def same(folder: Path) -> bool:
    return all((folder / name).read_bytes() == (DATA / name).read_bytes() for name in CANONICAL)


def test_the_checkout_holds_the_canonical_files_and_they_are_copied_once(tmp_path: Path) -> None:
    first = run_stage("download", DATA_DIR=tmp_path / "data")
    assert (first.status, first.output.count("was fetched and verified")) == (0, 4), first.errors
    assert same(tmp_path / "data")
    (tmp_path / "data/t10k-labels-idx1-ubyte.gz").write_bytes(b"rotten")
    second = run_stage("download", DATA_DIR=tmp_path / "data")
    assert (second.output.count("already right"), second.output.count("was fetched")) == (3, 1)
    assert same(tmp_path / "data")


def test_from_an_address(shelf: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = shelf
    done = run_stage("download", "--from", f"{url}/mnist/", "--to", str(tmp_path / "data"))
    assert done.status == 0, done.errors
    assert same(tmp_path / "data")
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(b"another file")
    refused = run_stage("download", "--from", f"{url}/mnist", "--to", str(tmp_path / "other"))
    assert refused.status == 1
    assert f"t10k-images-idx3-ubyte.gz from {url}/mnist has sha256" in refused.sentence
    assert not (tmp_path / "other/t10k-images-idx3-ubyte.gz").exists()


def test_from_a_bucket_with_the_right_key_only(shelf: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = shelf
    told = KEYS | {"OBJECT_STORAGE_ENDPOINT_URL": url, "DATA_DIR": str(tmp_path / "data")}
    wrong = run_stage("download", "--from", "s3", **(told | {"AWS_SECRET_ACCESS_KEY": "canary-wrong"}))
    assert (wrong.status, "answers 403" in wrong.sentence) == (1, True)
    assert "canary" not in wrong.errors + wrong.output
    right = run_stage("download", "--from", "s3", **told)
    assert right.status == 0, right.errors
    assert same(tmp_path / "data")
    unset = run_stage("download", "--from", "s3", **(told | {"OBJECT_STORAGE_BUCKET_NAME": ""}))
    assert "The bucket needs OBJECT_STORAGE_BUCKET_NAME" in unset.sentence


def test_a_place_that_has_nothing_is_named(shelf: tuple[str, Path], tmp_path: Path) -> None:
    for place, sentence in [
        (f"{shelf[0]}/nothing", "answers 404"),
        ("http://127.0.0.1:9", "Cannot fetch http://127.0.0.1:9/train-images"),
        (str(tmp_path), "Cannot read"),
    ]:
        outcome = run_stage("download", "--from", place, "--to", str(tmp_path / "data"))
        assert (outcome.status, sentence in outcome.sentence) == (1, True), outcome.errors


def test_the_signature_is_the_one_of_amazons_published_example() -> None:
    headers = {"range": "bytes=0-9", "x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": "20130524T000000Z"}
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    url = "https://examplebucket.s3.amazonaws.com/test.txt"
    assert authorization(url, headers, "AKIAIOSFODNN7EXAMPLE", secret, "us-east-1") == (
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )
