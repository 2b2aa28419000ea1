"""A gate before a server: while it is shut, the server is away, whatever the server holds in memory."""

import socket
import threading
from contextlib import suppress
from typing import Literal

Mode = Literal["open", "refuse", "fail", "hang"]
FAILURE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gate:
    """Hands connections on to a port of this machine.

    Attributes
    ----------
    port
        Where it listens.
    requests
        Requests that it has handed on.
    """

    def __init__(self, server: int) -> None:
        self._server, self.port, self.requests = server, 0, 0
        self._mode: Mode = "open"
        self._passing = threading.Event()
        self._open: set[socket.socket] = set()
        self._listen()
        self._passing.set()

    @property
    def url(self) -> str:
        """URL of the server behind it."""
        return f"http://127.0.0.1:{self.port}"

    def turn(self, mode: Mode) -> None:
        """Let connections pass, refuse them, answer each with status 503, or let them wait."""
        before, self._mode = self._mode, mode
        if mode == "refuse":
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        elif before == "refuse":
            self._listen()
        if mode in ("refuse", "fail"):
            self._cut()
        (self._passing.clear if mode == "hang" else self._passing.set)()

    def close(self) -> None:
        """Stop."""
        if self._mode != "refuse":
            self.turn("refuse")

    def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._passing.wait()
        if self._mode == "fail":
            with client, suppress(OSError):
                client.recv(1 << 16)
                client.sendall(FAILURE)
            return
        server = socket.create_connection(("127.0.0.1", self._server))
        self._open |= {client, server}
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server, counted=True)

    def _pump(self, source: socket.socket, target: socket.socket, *, counted: bool = False) -> None:
        with suppress(OSError):
            while content := source.recv(1 << 16):
                self._passing.wait()
                self.requests += counted
                target.sendall(content)
        self._end(source, target)

    def _cut(self) -> None:
        self._end(*self._open)

    def _end(self, *ended: socket.socket) -> None:
        for each in ended:
            self._open.discard(each)
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
