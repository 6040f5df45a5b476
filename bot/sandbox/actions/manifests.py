"""Registering an App from a manifest: a person agrees, a code goes back and is changed for the secrets, once."""

import json
import re
import secrets
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.sandbox.access import LEVELS, parse_time
from bot.sandbox.actions.setup import create_user
from bot.sandbox.entities import App, Json, User
from bot.sandbox.errors import not_found, unprocessable
from bot.sandbox.forge import Forge, digest, stamp

LIFE = timedelta(hours=1)
LARGEST = 20_000  # characters
LONGEST_NAME = 34


def read_manifest(text: str) -> Json:
    """The manifest, if GitHub would take it; raises 422 naming what it lacks."""
    try:
        manifest = json.loads(text[:LARGEST])
    except ValueError as error:
        raise unprocessable("The manifest is not JSON.") from error
    if not isinstance(manifest, dict):
        raise unprocessable("The manifest is not an object.")
    hook = manifest.get("hook_attributes")
    addresses = {
        "url": manifest.get("url"),
        "redirect_url": manifest.get("redirect_url"),
        "hook_attributes.url": hook.get("url") if isinstance(hook, dict) else None,
    }
    for name, value in addresses.items():
        if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s/?#]+[^\s#]*", value):
            raise unprocessable(f"The manifest's {name} is no URL.")
    if not isinstance(manifest.get("name"), str) or not slug_of(manifest["name"]):
        raise unprocessable("The manifest has no name.")
    _check_grants(manifest.get("default_permissions", {}), manifest.get("default_events", []))
    return manifest


def _check_grants(permissions: Any, events: Any) -> None:
    if not isinstance(permissions, dict) or not set(permissions.values()) <= set(LEVELS):
        raise unprocessable("The manifest's default_permissions are not permissions.")
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise unprocessable("The manifest's default_events are not events.")


def slug_of(name: str) -> str:
    """The slug of an App's name."""
    return re.sub(r"[^a-z0-9]+", "-", name[:LONGEST_NAME].lower()).strip("-")


def register(forge: Forge, owner: User, manifest: Json) -> str:
    """The code for the App that is registered with the manifest; raises 422 when its name is taken."""
    slug = slug_of(manifest["name"])
    if forge.store.one(App, 0, slug) is not None:
        raise unprocessable("Name has already been taken.")
    bot = create_user(forge, f"{slug}[bot]", is_bot=True)
    app = App(
        0,
        slug,
        manifest["name"][:LONGEST_NAME],
        owner.id,
        bot.id,
        public_key="",
        webhook_url=manifest["hook_attributes"]["url"],
        webhook_secret=secrets.token_hex(20),
        permissions={"metadata": "read", **manifest.get("default_permissions", {})},
        events=tuple(manifest.get("default_events", ())),
        created=forge.now(),
    )
    code = secrets.token_hex(20)
    made = {"app": forge.store.add(app).id, "until": stamp(forge.clock() + LIFE)}
    forge.store.set_setting(f"manifest:{digest(code)}", json.dumps(made))
    return code


def convert(forge: Forge, code: str) -> tuple[App, str]:
    """The App of a code and its new private key as PEM; raises 404 for a code that is unknown, used or old."""
    kept = json.loads(forge.store.setting(f"manifest:{digest(code)}") or "{}")
    app = forge.store.get(App, kept["app"]) if kept else None
    if app is None or parse_time(kept["until"]) < forge.clock():
        raise not_found()
    forge.store.set_setting(f"manifest:{digest(code)}", "{}")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return forge.store.put(app.with_key(public.decode())), private.decode()
