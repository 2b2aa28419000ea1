"""Ranges of S3 objects by obstore, which asks for many at a fraction of the processor time of s3fs."""

import asyncio
import importlib.util
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from fsspec.asyn import get_loop, sync

CONCURRENT = 64
"""Requests in flight."""
SILENCE = timedelta(seconds=30)
"""How long an answer may pause."""
WHOLE = timedelta(days=1)
"""How long an answer may take; obstore's own 30 s are too few for large records on a slow line."""


def s3_settings(options: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return obstore's settings for options of s3fs; None where only s3fs knows what they mean.

    Profiles, roles and regions that a request has to find out are left to s3fs.
    """
    given, client = dict(options), dict(options.get("client_kwargs") or {})
    given.pop("client_kwargs", None)
    found = {
        "endpoint": given.pop("endpoint_url", None)
        or client.pop("endpoint_url", None)
        or os.environ.get("AWS_ENDPOINT_URL"),
        "region": client.pop("region_name", None) or os.environ.get("AWS_REGION"),
        "access_key_id": given.pop("key", None) or os.environ.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": given.pop("secret", None) or os.environ.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": given.pop("token", None) or os.environ.get("AWS_SESSION_TOKEN"),
        "skip_signature": given.pop("anon", False) or None,
    }
    known = found["skip_signature"] or (found["access_key_id"] and found["secret_access_key"])
    if given or client or not known or not (found["endpoint"] or found["region"]):
        return None
    return {key: value for key, value in found.items() if value}


class ObstoreClient:
    """Reads ranges of the objects in a bucket, under the name that fsspec gives to it.

    Parameters
    ----------
    bucket
        Name of the bucket.
    settings
        As `s3_settings` returns them.
    """

    def __init__(self, bucket: str, settings: Mapping[str, Any]) -> None:
        from obstore.store import S3Store

        plain = str(settings.get("endpoint", "")).startswith("http://")
        http: Any = {"allow_http": plain, "read_timeout": SILENCE, "timeout": WHOLE}
        patience: Any = {"max_retries": 0}  # who asks for ranges asks again
        config: Any = dict(settings)
        self._store = S3Store(bucket, config=config, client_options=http, retry_config=patience)

    def cat_ranges(
        self, paths: Sequence[str], starts: Sequence[int], ends: Sequence[int | None], on_error: str
    ) -> list[Any]:
        """Return the bytes of each range, or the error that came instead."""
        return list(sync(get_loop(), self._all, paths, starts, ends))

    async def _all(
        self, paths: Sequence[str], starts: Sequence[int], ends: Sequence[int | None]
    ) -> list[Any]:
        free = asyncio.Semaphore(CONCURRENT)

        async def one(path: str, start: int, end: int | None) -> Any:
            async with free:
                return await self._range(path, start, end)

        wanted = (one(*each) for each in zip(paths, starts, ends, strict=True))
        return await asyncio.gather(*wanted, return_exceptions=True)

    async def _range(self, path: str, start: int, end: int | None) -> Any:
        from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

        try:
            if end is not None:
                return await self._store.get_range_async(path, start=start, end=end)
            return await (
                await self._store.get_async(path, options={"range": {"suffix": -start}})
            ).bytes_async()
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise PermissionError(str(error)) from error


def obstore_client(url: str, options: Mapping[str, Any]) -> tuple[ObstoreClient, str] | None:
    """Return a client of a bucket and the path in it; None where fsspec has to read it."""
    protocol, _, place = url.partition("://")
    settings = s3_settings(options) if protocol == "s3" and importlib.util.find_spec("obstore") else None
    if settings is None:
        return None
    bucket, _, path = place.partition("/")
    return ObstoreClient(bucket, settings), path
