"""Objects in an S3 bucket: Ceph, MinIO, SeaweedFS, Amazon's, or any other that speaks the protocol."""

# ruff: noqa: D102 - the contract stands on the port

from datetime import timedelta
from typing import Literal

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from bot.core.ports import ObjectsUnavailable

LATER = 60.0
"""Seconds after which an object store that is away is asked again."""


class S3Objects:
    """`ports.Objects` in one bucket; `endpoint` may be http, for a store on the same machine or network."""

    def __init__(self, *, endpoint: str, bucket: str, key_id: str, secret: str, region: str, patience: float) -> None:
        self._name = f"the bucket {bucket} at {endpoint}"
        self._store = S3Store(
            bucket,
            endpoint=endpoint,
            access_key_id=key_id,
            secret_access_key=secret,
            region=region,
            virtual_hosted_style_request=False,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": timedelta(seconds=patience)},
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=patience)},
        )

    async def get(self, name: str) -> bytes | None:
        try:
            answer = await self._store.get_async(name)
            return bytes(await answer.bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as problem:
            raise self._away(problem) from None

    async def put(self, name: str, content: bytes) -> None:
        try:
            await self._store.put_async(name, content)
        except (BaseError, OSError) as problem:
            raise self._away(problem) from None

    async def link(self, name: str, method: Literal["GET", "PUT"], seconds: int) -> str:
        return await obstore.sign_async(self._store, method, name, timedelta(seconds=seconds))

    def _away(self, problem: Exception) -> ObjectsUnavailable:
        """The sentence; the store's own words may quote the signed request, so only their kind is told."""
        return ObjectsUnavailable(
            f"The object store cannot be used ({self._name}: {type(problem).__name__}); "
            "look at OBJECT_STORAGE_ENDPOINT_URL, the bucket and its keys.",
            LATER,
        )
