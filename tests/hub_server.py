"""A stand-in for the Hugging Face Hub: repositories in memory, for what its library asks to load and push."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

TOKEN = "hf_secret"
_FILE = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")
_ABOUT = re.compile(r"/api/models/([\w.-]+/[\w.-]+?)(?:/revision/main)?")
_API = re.compile(r"/api/models/([\w.-]+/[\w.-]+)/(preupload|commit)/main")


class Hub(ThreadingHTTPServer):
    """Repositories: files by commit; `main` is the last one.

    Attributes
    ----------
    asked
        Methods and paths of all requests.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.commits: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def commit(self, repository: str, files: dict[str, bytes]) -> str:
        """Add a commit with the files of the last one and these; return its hash."""
        known = self.commits.setdefault(repository, {})
        whole = {**(list(known.values())[-1] if known else {}), **files}
        name = hashlib.sha1(repr((len(known), sorted(whole.items()))).encode()).hexdigest()
        known[name] = whole
        return name


def _git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[ThreadingHTTPServer]:
    """Serve inside the block."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        self._file()

    def _file(self) -> None:
        self._note()
        if about := _ABOUT.fullmatch(self.path.partition("?")[0]):
            last = next(reversed(self.server.commits[about[1]]), None)
            private = about[1] in self.server.private
            return self._json({"id": about[1], "sha": last, "siblings": [], "private": private})
        found = _FILE.fullmatch(self.path)
        if found is None:
            return self._answer(404)
        repository, revision, name = found.groups()
        known = self.server.commits.get(repository)
        if known is None or (repository in self.server.private and not self._logged_in()):
            return self._answer(401, {"X-Error-Code": "RepoNotFound"})
        commit = list(known)[-1] if revision == "main" else revision
        if commit not in known:
            return self._answer(404, {"X-Error-Code": "RevisionNotFound"})
        about = {"X-Repo-Commit": commit}
        if name not in known[commit]:
            return self._answer(404, {**about, "X-Error-Code": "EntryNotFound"})
        content = known[commit][name]
        return self._answer(200, {**about, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}, content)

    def do_POST(self) -> None:
        self._note()
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        if not self._logged_in():
            return self._answer(401, {"X-Error-Message": "Invalid username or password."})
        if self.path == "/api/repos/create":
            wanted = json.loads(content)
            repository = f"{wanted['organization']}/{wanted['name']}"
            hidden = wanted.get("visibility") == "private" or wanted.get("private")
            if hidden and repository not in self.server.commits:  # one that exists stays as it is
                self.server.private.add(repository)
            self.server.commits.setdefault(repository, {})
            return self._json({"url": f"{self.server.url}/{repository}"})
        found = _API.fullmatch(self.path.partition("?")[0])
        if found is None:
            return self._answer(404)
        repository, what = found.groups()
        if what == "preupload":
            known = list(self.server.commits[repository].values())[-1:]
            there = {name: _git_hash(file) for files in known for name, file in files.items()}
            files = [
                {"path": name, "uploadMode": "regular", "shouldIgnore": False, "oid": there.get(name)}
                for name in (each["path"] for each in json.loads(content)["files"])
            ]
            return self._json({"files": files})
        lines = [json.loads(line) for line in content.decode().splitlines()]
        added = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        commit = self.server.commit(repository, added)
        url = f"{self.server.url}/{repository}/commit/{commit}"
        return self._json({"commitUrl": url, "commitOid": commit, "success": True})

    def _note(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")

    def _logged_in(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _json(self, value: Any) -> None:
        self._answer(200, {"Content-Type": "application/json"}, json.dumps(value).encode())

    def _answer(self, status: int, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
