"""Where the data files can come from: a local folder, an HTTP address, or an S3 bucket."""

import hashlib
import hmac
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from training.errors import StageError

MOST_BYTES = 16 * 1024 * 1024
TIMEOUT_SECONDS = 60
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


class Source(Protocol):
    """A place that holds the files by name."""

    def fetch(self, name: str) -> bytes:
        """The content of a file, at most 16 MiB; raises StageError naming the place."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A local folder."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def fetch(self, name: str) -> bytes:
        """The content of a file; raises StageError when it cannot be read."""
        try:
            return (self.path / name).read_bytes()
        except OSError as problem:
            raise StageError(f"Cannot read {self.path / name} ({problem.strerror}): give another --from.") from problem


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https address under which the files lie."""

    url: str

    def __str__(self) -> str:
        return self.url

    def fetch(self, name: str) -> bytes:
        """The content of a file; raises StageError when the server does not give it."""
        return _get(f"{self.url.rstrip('/')}/{name}", {})


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 bucket, asked path-style with AWS Signature Version 4."""

    endpoint: str
    name: str
    key_id: str
    secret: str = field(repr=False)
    region: str = "us-east-1"

    def __str__(self) -> str:
        return f"the bucket {self.name}"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Bucket":
        """The bucket that the four variables describe; raises StageError naming those that are missing."""
        variables = ("OBJECT_STORAGE_ENDPOINT_URL", "OBJECT_STORAGE_BUCKET_NAME", "AWS_ACCESS_KEY_ID")
        missing = [name for name in (*variables, "AWS_SECRET_ACCESS_KEY") if not environ.get(name)]
        if missing:
            raise StageError(f"The bucket needs {', '.join(missing)}: set them, or give another --from.")
        endpoint, bucket, key_id = (environ[name] for name in variables)
        if not endpoint.startswith(("http://", "https://")):
            raise StageError("OBJECT_STORAGE_ENDPOINT_URL is not an http or https address.")
        region = environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        return cls(endpoint.rstrip("/"), bucket, key_id, environ["AWS_SECRET_ACCESS_KEY"], region)

    def fetch(self, name: str) -> bytes:
        """The content of an object; raises StageError when the store refuses."""
        url = f"{self.endpoint}/{quote(self.name)}/{quote(name)}"
        headers = {"x-amz-content-sha256": EMPTY_SHA256, "x-amz-date": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"}
        signed = authorization(url, headers, self.key_id, self.secret, self.region)
        return _get(url, {**headers, "Authorization": signed})


def authorization(url: str, headers: Mapping[str, str], key_id: str, secret: str, region: str) -> str:
    """The Authorization header of a GET, AWS Signature Version 4 (docs.aws.amazon.com, "Authenticating Requests").

    `headers` must hold lower-case `x-amz-date` and `x-amz-content-sha256`; the host is taken from the URL.
    """
    parts = urlsplit(url)
    canonical = dict(sorted({**headers, "host": parts.netloc}.items()))
    names = ";".join(canonical)
    lines = "".join(f"{name}:{value}\n" for name, value in canonical.items())
    payload = canonical["x-amz-content-sha256"]
    request = f"GET\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{payload}"
    moment = canonical["x-amz-date"]
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={key_id}/{scope},SignedHeaders={names},Signature={signature}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed request stays with the host that it was signed for."""

    def redirect_request(self, *_: object) -> None:
        return None


def _get(url: str, headers: Mapping[str, str]) -> bytes:
    request = urllib.request.Request(url, headers=dict(headers))  # noqa: S310  # callers check the scheme
    opener = urllib.request.build_opener(*([_NoRedirect()] if headers else []))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            content: bytes = answer.read(MOST_BYTES + 1)
    except urllib.error.HTTPError as error:
        with error:
            raise StageError(f"{url} answers {error.code} {error.reason}: give another --from.") from error
    except (OSError, ValueError) as error:
        raise StageError(f"Cannot fetch {url} ({error}): give another --from.") from error
    if len(content) > MOST_BYTES:
        raise StageError(f"{url} is larger than 16 MiB: this is not an MNIST file.")
    return content
