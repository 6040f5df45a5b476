"""The settings, read from the environment once and nowhere else; every problem is reported at the same time."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from bot.core.isolation import ISOLATIONS, Isolation
from bot.core.signature import require_key
from bot.runnersettings import TektonSettings, read_runner
from bot.secret import NOTHING
from bot.secret import Secret as Secret
from bot.variables import ADVISORIES, SETTINGS

SHORTEST_SECRET = 16
"""Characters; a shorter webhook secret can be guessed."""
Text = TypeVar("Text", bound=str)
_DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


class SettingsProblem(Exception):
    """The environment cannot be used; the message has one line for each setting that is wrong."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where artefacts are kept for many machines: an S3 bucket and its keys."""

    endpoint: str
    name: str
    key_id: str
    secret: Secret
    region: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator has set; URLs carry no trailing slash."""

    app_id: str
    private_key: Secret
    webhook_secret: Secret
    api_url: str
    graphql_url: str
    state_dir: Path
    host: str
    port: int
    service_port: int
    index_url: str
    workers: int
    database_url: Secret = NOTHING
    bucket: Bucket | None = None
    base_image: str = ""
    registry_auth: Path | None = None
    allowed_hosts: frozenset[str] = frozenset()
    watch_seconds: int = 1800
    probation_seconds: int = 10
    required_isolation: Isolation = "process"
    advisories: str = ADVISORIES
    prescriptions: str = ""
    tekton: TektonSettings | None = None
    dashboard_url: str = ""
    dashboard_token: Secret = NOTHING
    signing_key: Secret = NOTHING

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in these variables. Raises SettingsProblem with all that is wrong, never with a secret in it."""
        read = _Environment(environ)
        bucket = _bucket(read)
        tekton, wrong = read_runner(read.text, lambda name: _base_image(read.text(name)), has_bucket=bucket is not None)
        settings = cls(
            app_id=read.checked("GITHUB_APP_ID", _app_id, "1"),
            private_key=Secret(read.secret("GITHUB_PRIVATE_KEY", _private_key)),
            webhook_secret=Secret(read.secret("GITHUB_WEBHOOK_SECRET", _webhook_secret)),
            api_url=read.checked("GITHUB_API_URL", _url, ""),
            graphql_url=graphql_url(read.checked("GITHUB_API_URL", _url, "")),
            state_dir=Path(read.text("BOLIDE_STATE_DIR") or ".bolide"),
            host=read.checked("BOLIDE_HOST", _host, ""),
            port=read.number("BOLIDE_PORT", 0, 65535),
            service_port=read.number("BOLIDE_SERVICE_PORT", 1, 65535),
            index_url=read.checked("BOLIDE_INDEX_URL", _url, ""),
            workers=read.number("BOLIDE_WORKERS", 1, 64),
            watch_seconds=read.number("BOLIDE_WATCH_SECONDS", 60, 86_400),
            probation_seconds=read.number("BOLIDE_PROBATION_SECONDS", 0, 60),
            required_isolation=read.checked("BOLIDE_REQUIRED_ISOLATION", _isolation, "process"),
            database_url=Secret(read.secret("BOLIDE_DATABASE_URL", _database_url)),
            bucket=bucket,
            tekton=tekton,
            base_image=read.checked("BOLIDE_BASE_IMAGE", _base_image, ""),
            registry_auth=read.file("BOLIDE_REGISTRY_AUTH_FILE"),
            allowed_hosts=allowed_hosts(read.text("BOLIDE_ALLOWED_HOSTS")),
            advisories=read.checked("BOLIDE_ADVISORIES", _advisories, ADVISORIES),
            prescriptions=read.text("BOLIDE_PRESCRIPTIONS"),
            dashboard_url=read.checked("BOLIDE_DASHBOARD_URL", lambda text: text and _url(text), ""),
            dashboard_token=Secret(read.secret("BOLIDE_DASHBOARD_TOKEN", _token)),
            signing_key=Secret(read.secret("BOLIDE_SIGNING_KEY", require_key)),
        )
        if problems := (*read.problems, *wrong):
            raise SettingsProblem(tuple(dict.fromkeys(problems)))
        return settings

    def secrets(self) -> tuple[Secret, ...]:
        """Everything that no log may show."""
        bucket = (self.bucket.secret,) if self.bucket else ()
        own = (self.private_key, self.webhook_secret, self.database_url, self.dashboard_token, self.signing_key)
        return (*own, *bucket)


@dataclass(frozen=True, slots=True)
class ThothSettings:
    """What the operator has set for answering Thoth's clients; an empty token asks for none."""

    host: str
    port: int
    token: Secret
    certificate: Path | None
    key: Path | None
    state_dir: Path
    advisories: str
    prescriptions: str
    allowed_hosts: frozenset[str]

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> "ThothSettings":
        """The settings in these variables. Raises SettingsProblem with all that is wrong, never with a secret in it."""
        read = _Environment(environ)
        files = [read.text(f"BOLIDE_THOTH_{name}_FILE") for name in ("CERTIFICATE", "KEY")]
        settings = cls(
            host=read.checked("BOLIDE_THOTH_HOST", _host, "127.0.0.1"),
            port=read.number("BOLIDE_THOTH_PORT", 0, 65535),
            token=Secret(read.secret("BOLIDE_THOTH_TOKEN", _token)),
            certificate=Path(files[0]) if files[0] else None,
            key=Path(files[1]) if files[1] else None,
            state_dir=Path(read.text("BOLIDE_STATE_DIR") or ".bolide"),
            advisories=read.checked("BOLIDE_ADVISORIES", _advisories, "none"),
            prescriptions=read.text("BOLIDE_PRESCRIPTIONS"),
            allowed_hosts=allowed_hosts(read.text("BOLIDE_ALLOWED_HOSTS")),
        )
        if bool(files[0]) != bool(files[1]):
            read.problems.append("BOLIDE_THOTH_CERTIFICATE_FILE and BOLIDE_THOTH_KEY_FILE belong together; set both.")
        if not _loopback(settings.host) and not settings.token.reveal():
            read.problems.append(
                f"BOLIDE_THOTH_HOST is {settings.host}, which others can reach; set BOLIDE_THOTH_TOKEN for them."
            )
        if read.problems:
            raise SettingsProblem(tuple(dict.fromkeys(read.problems)))
        return settings


def allowed_hosts(text: str) -> frozenset[str]:
    """The hosts in a list with commas between."""
    return frozenset(filter(None, map(str.strip, text.split(","))))


def graphql_url(api_url: str) -> str:
    """The GraphQL endpoint that belongs to a REST base URL."""
    enterprise = api_url.removesuffix("/v3")
    return f"{enterprise}/graphql"


class _Environment:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def text(self, name: str) -> str:
        return self._environ.get(name, "").strip() or _DEFAULTS[name] or ""

    def file(self, name: str) -> Path | None:
        return Path(text) if (text := self.text(name)) else None

    def checked(self, name: str, check: Callable[[str], Text], otherwise: Text) -> Text:
        try:
            return check(self.text(name))
        except ValueError as problem:
            self.problems.append(f"{name} {problem}.")
            return otherwise

    def number(self, name: str, least: int, most: int) -> int:
        text = self.text(name)
        if text.isascii() and text.isdecimal() and len(text) < 9 and least <= int(text) <= most:
            return int(text)
        self.problems.append(f"{name} is {text!r}; set it to a number from {least} to {most}.")
        return least

    def secret(self, name: str, check: Callable[[str], str]) -> str:
        text, file = self._environ.get(name, ""), self._environ.get(f"{name}_FILE", "").strip()
        if text.strip() and file:
            self.problems.append(f"{name} and {name}_FILE are both set; keep one of them.")
        elif file:
            text = self._read(f"{name}_FILE", file)
        if file and not text:
            return ""
        try:
            return check(text.strip())
        except ValueError as problem:
            self.problems.append(f"{name} {problem}.")
            return ""

    def _read(self, name: str, file: str) -> str:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
            self.problems.append(f"{name} names {file}, which cannot be read: {reason}.")
            return ""
        if not text.strip():
            self.problems.append(f"{name} names {file}, which is empty; put the secret into it.")
            return ""
        return text


def _bucket(read: _Environment) -> Bucket | None:
    """The bucket, None where neither its server nor its name is set: AWS's own variables may be there for others."""
    endpoint, name = read.text("OBJECT_STORAGE_ENDPOINT_URL"), read.text("OBJECT_STORAGE_BUCKET_NAME")
    if not endpoint and not name:
        return None
    found = Bucket(
        endpoint.rstrip("/"),
        name,
        read.text("AWS_ACCESS_KEY_ID"),
        Secret(read.secret("AWS_SECRET_ACCESS_KEY", str)),
        read.text("AWS_DEFAULT_REGION"),
    )
    needed = {
        "OBJECT_STORAGE_ENDPOINT_URL": endpoint,
        "OBJECT_STORAGE_BUCKET_NAME": name,
        "AWS_ACCESS_KEY_ID": found.key_id,
        "AWS_SECRET_ACCESS_KEY": found.secret.reveal(),
    }
    read.problems += [f"{variable} is not set; the bucket needs it." for variable, value in needed.items() if not value]
    if endpoint and not endpoint.startswith(("http://", "https://")):
        read.problems.append("OBJECT_STORAGE_ENDPOINT_URL is no URL; write it like https://s3.example.org.")
    return found


def _app_id(text: str) -> str:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise ValueError("is not set to a number; copy the App ID from the App's settings page on GitHub")
    return text


def _private_key(text: str) -> str:
    text = text if "\n" in text else text.replace("\\n", "\n")
    if not text:
        raise ValueError("is not set; set it, or GITHUB_PRIVATE_KEY_FILE, to the App's private key")
    if not text.startswith("-----BEGIN ") or "PRIVATE KEY-----" not in text:
        raise ValueError("is no PEM private key; generate one on the App's settings page and use the file as it is")
    return text + "\n"


def _webhook_secret(text: str) -> str:
    if not text:
        raise ValueError("is not set; set it, or GITHUB_WEBHOOK_SECRET_FILE, to the webhook's secret")
    if len(text) < SHORTEST_SECRET:
        raise ValueError(f"is shorter than {SHORTEST_SECRET} characters; make a longer one, here and on GitHub")
    return text


def _database_url(text: str) -> str:
    if text and not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("is no PostgreSQL URL; write it like postgresql://name:password@host/database")
    return text


def _token(text: str) -> str:
    if text and len(text) < SHORTEST_SECRET:
        raise ValueError(f"is shorter than {SHORTEST_SECRET} characters; make a longer one")
    return text


def _base_image(text: str) -> str:
    if text and not re.fullmatch(r"[^\s@]+@sha256:[0-9a-f]{64}", text):
        raise ValueError("is not named by its digest; write it as name@sha256:…, since a tag can become another image")
    return text


def _host(text: str) -> str:
    if text == "localhost":
        return text
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(f"is {text!r}; set it to an IP address, such as 127.0.0.1 or 0.0.0.0") from None


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, secret, _ = parts.hostname, parts.username or parts.password, parts.port
    except ValueError:
        raise ValueError("is no URL; write it like https://example.org/path") from None
    if parts.scheme not in {"http", "https"} or not host or any(ord(character) <= 32 for character in text):
        raise ValueError("is no URL; write it like https://example.org/path")
    if secret:
        raise ValueError("has a name or password in it; take it out")
    if parts.query or parts.fragment:
        raise ValueError("has a query or fragment; leave it out")
    if parts.scheme == "http" and not _loopback(host):
        raise ValueError("is http to another machine; use https")
    return text.rstrip("/")


def _advisories(text: str) -> str:
    return _url(text) if text.startswith(("http:", "https:")) else text


def _isolation(text: str) -> Isolation:
    for kind in ISOLATIONS:
        if text == kind:
            return kind
    raise ValueError(f"is {text!r}; set it to one of {', '.join(ISOLATIONS)}")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
