"""A stand-in for Amazon S3: a server on this machine with one empty bucket."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen

import fsspec
import pytest


@contextmanager
def empty_server() -> Iterator[int]:
    """Yield the port of a server without buckets; servers of one process would share theirs."""
    moto = pytest.importorskip("moto.server")
    pytest.importorskip("s3fs")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    urlopen(Request(f"http://127.0.0.1:{port}/moto-api/reset", method="POST")).close()
    yield port
    server.stop()


@contextmanager
def bucket_at(url: str) -> Iterator[Any]:
    """Yield the file system of a server with the bucket `bucket`, which `s3://` means inside the block."""
    keys = {"ENDPOINT_URL": url, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b"}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in {**keys, "DEFAULT_REGION": "us-east-1", "REGION": "us-east-1"}.items():
            patch.setenv(f"AWS_{key}", value)
        system = fsspec.filesystem("s3", skip_instance_cache=True)
        system.mkdir("bucket")
        yield system
    type(system).clear_instance_cache()


@contextmanager
def serving_bucket() -> Iterator[Any]:
    """Yield the file system of a server and its bucket, as `bucket_at` does."""
    with empty_server() as port, bucket_at(f"http://127.0.0.1:{port}") as system:
        yield system
