"""Who may read the dashboard: whoever sends the token, or without one, whoever sits at this machine."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from ipaddress import ip_address

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via")
UNKNOWN_READER = "Send the token of BOLIDE_DASHBOARD_TOKEN as a bearer token, or as the password where a browser asks."
ONLY_HERE = "The dashboard is for this machine only; set BOLIDE_DASHBOARD_TOKEN to read it from elsewhere."


def refusal(token: str, peer: str, headers: Mapping[str, str]) -> tuple[int, str] | None:
    """The status and sentence with which a reader is turned away, None for one who may read."""
    if token:
        return None if hmac.compare_digest(_given(headers).encode(), token.encode()) else (401, UNKNOWN_READER)
    # A proxy on this machine speaks for strangers, and a page of a stranger may name this machine as its own host.
    here = is_loopback(peer) and is_loopback(_host(headers)) and not any(name in headers for name in FORWARDED)
    return None if here else (403, ONLY_HERE)


def is_loopback(host: str) -> bool:
    """Whether it is this machine's own address or name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(headers: Mapping[str, str]) -> str:
    host = headers.get("Host", "")
    return host[1:].split("]")[0] if host.startswith("[") else host.split(":")[0]


def _given(headers: Mapping[str, str]) -> str:
    scheme, _, given = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(given, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return ""
    return ""
