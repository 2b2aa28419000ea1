"""A web server of one folder that knows ranges, counts what is asked, and can be stopped and started."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Web:
    """Serves the files below a folder at `url`, under the path of S3 as well.

    Attributes
    ----------
    asked
        Each request: its path and its range.
    most
        Requests that were in flight at once.
    pause, trickle
        Seconds before each answer, and before each of its bytes.
    ranges
        Whether it knows ranges.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str]] = []
        self.most, self.pause, self.trickle, self.ranges = 0, 0.0, 0.0, True
        self._flying, self._lock, self._port = 0, threading.Lock(), 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the port of before."""
        web = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                web.answer(self)

            do_HEAD = do_GET

            def log_message(self, *given: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Answer)
        self._server.daemon_threads = True
        self._port = self._server.server_port
        self._open: set[BaseHTTPRequestHandler] = set()
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and end those that are open."""
        self._server.shutdown()
        self._server.server_close()
        for handler in list(self._open):
            handler.close_connection = True
            handler.connection.close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer a request for a file or a range of it."""
        self._open.add(request)
        with self._lock:
            self.asked.append((request.path, request.headers.get("Range", "")))
            self._flying += 1
            self.most = max(self.most, self._flying)
        time.sleep(self.pause)
        file = self.folder / request.path.partition("?")[0].lstrip("/")
        content = file.read_bytes() if file.is_file() else None
        found = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range", ""))
        status, headers = 404 if content is None else 200, {}
        if content and found and self.ranges:
            first = int(found[1]) if found[1] else max(0, len(content) - int(found[2]))
            last = min(int(found[2]), len(content) - 1) if found[1] and found[2] else len(content) - 1
            status, headers = 206, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
            content = content[first : last + 1]
        request.send_response(status)
        stamps = {"ETag": '"1"', "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        for name, value in {**stamps, **headers, "Content-Length": str(len(content or b""))}.items():
            request.send_header(name, value)
        request.end_headers()
        with self._lock:
            self._flying -= 1
        if request.command == "GET":
            with suppress(ConnectionError):  # of who waits no longer
                for part in self._parts(content or b""):
                    request.wfile.write(part)

    def _parts(self, content: bytes) -> Iterator[bytes]:
        if not self.trickle:
            yield content
            return
        for each in content:
            time.sleep(self.trickle)
            yield bytes([each])
