"""Logs: one JSON object a line, without a secret in it, whoever put it there."""

import json
import logging
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO

HIDDEN = "[hidden]"
_PATTERNS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\bgh[a-z]_[A-Za-z0-9_.-]{10,}"
    r"|\bgithub_pat_[A-Za-z0-9_]{10,}"
    r"|\bv1\.[0-9a-f]{40}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?i:(?<=bearer )|(?<=token ))[A-Za-z0-9_.~+/=-]{16,}",
    re.DOTALL,
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Redaction:
    """Hides known secrets, and whatever has a secret's form."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # A key's lines are secrets too: a traceback may quote one of them.
        lines = {line.strip() for secret in secrets for line in (secret, *secret.splitlines())}
        known = sorted(
            (line for line in lines if len(line) >= 8 and not line.startswith("-----")), key=len, reverse=True
        )
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def hide(self, text: str) -> str:
        """The text with every secret replaced."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _PATTERNS.sub(HIDDEN, text)


class JsonLines(logging.Formatter):
    """A record as one line of JSON: time, level, logger, message, the extra fields, the traceback."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        """The line; it never fails, whatever the fields hold."""
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        fields.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json.dumps({name: self._clean(value) for name, value in fields.items()}, ensure_ascii=False)

    def _clean(self, value: object) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, list | tuple):
            return [self._clean(item) for item in value]
        return self._redaction.hide(str(value))


def configure_logging(secrets: Iterable[str], stream: TextIO, level: int = logging.INFO) -> None:
    """Send every logger's records to the stream, one line each, with these secrets hidden."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(Redaction(secrets)))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
