"""A local S3 server in a process of its own, which takes 20 ms for every request and counts them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DELAY = 0.02
"""Seconds that every request takes, as it would on the way to a bucket."""
COUNT = "/requests-so-far"
NAME = "bucket"


@dataclass(frozen=True)
class Bucket:
    """A bucket of the server."""

    port: int

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, Any]:
        """Options of s3fs."""
        client = {"endpoint_url": self.endpoint, "region_name": "eu-central-1"}
        return {"key": "testing", "secret": "testing", "client_kwargs": client}

    def url(self, path: str) -> str:
        """Return the URL of what lies in the bucket."""
        return f"s3://{NAME}/{path}"

    def requests(self) -> int:
        """Return how many requests the server has answered."""
        connection = HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", COUNT)
        try:
            return int(connection.getresponse().read())
        finally:
            connection.close()


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Start the server and yield an empty bucket; the server ends with the block, or with this process."""
    import fsspec

    if find_spec("moto") is None:
        raise ModuleNotFoundError('the S3 server is moto: pip install "sciml-surrogates[dev]"')
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.speed.bucket"],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        try:
            found = Bucket(int(server.stdout.readline()))
            fsspec.filesystem("s3", **found.options).mkdir(NAME)
            yield found
        finally:
            server.terminate()


class Slow:
    """Answers as another WSGI application does, later."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._lock = threading.Lock()
        self._count = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Count a request, wait, and hand it on."""
        if environ["PATH_INFO"] == COUNT:
            content = str(self._count).encode()
            start_response("200 OK", [("Content-Length", str(len(content)))])
            return [content]
        with self._lock:
            self._count += 1
        time.sleep(DELAY)
        return self._application(environ, start_response)


def serve() -> None:
    """Print the port and serve until standard input ends."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    WSGIRequestHandler.protocol_version = "HTTP/1.1"  # keeps connections open
    application = Slow(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve()
