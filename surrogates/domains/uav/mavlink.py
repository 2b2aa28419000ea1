"""Positions from an autopilot: MAVLink's LOCAL_POSITION_NED as stamps and east, north, up."""

import time as clock
from collections import Counter
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

import numpy as np

from datasets.uav.frames import enu_from_ned
from surrogates.core.optional import explain_missing, require

MESSAGE = "LOCAL_POSITION_NED"
PURPOSE = "Listening to MAVLink"
RESTART = 1.0  # s: datagrams overtake each other by less, and an autopilot needs longer to start again
POLL = 0.1  # s


class MavlinkPositions:
    """Listen for the local position of one vehicle; nothing is ever sent.

    A thread empties the socket, since the kernel holds only a few hundred packets: none is lost while a
    picture is drawn. The stamps are the vehicle's own, so they do not depend on how a message travelled.
    Messages that come twice or late (over two links, or overtaken) are dropped. If the vehicle's clock
    starts again, the stamps continue after a pause as long as the one on our clock, so they always increase.

    Parameters
    ----------
    connection
        As pymavlink writes it: `udpin:127.0.0.1:14550` listens at a port, `tcp:HOST:PORT` asks a server,
        `/dev/ttyACM0` reads a serial line.
    system
        The vehicle's system id; by default that of the first position received.

    Attributes
    ----------
    system
        Vehicle that is followed; None until a position was received.
    heard
        Counts of all messages, by (system id, type).
    dropped, restarts
        Positions that came twice or late, and how often the vehicle's clock started again.

    Raises
    ------
    MissingExtraError
        Without the extra ``uav``.
    ValueError
        For a connection that is no such text; ``OSError`` if it cannot be opened.
    """

    def __init__(self, connection: str, system: int | None = None) -> None:
        self.system = system
        self.heard: Counter[tuple[int, str]] = Counter()
        self.dropped = self.restarts = 0
        self._component: int | None = None
        self._offset = 0.0
        self._newest: float | None = None
        self._arrival = 0.0
        self._found: SimpleQueue[tuple[float, np.ndarray] | Exception] = SimpleQueue()
        self._closing = Event()
        self._connection = _open(connection)
        self._reader = Thread(target=self._read, name="mavlink", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the port."""
        self._closing.set()
        self._reader.join()
        self._connection.close()

    def receive(self, timeout: float) -> tuple[float, np.ndarray] | None:
        """Return the next position, or None if none comes in time.

        Returns
        -------
        float, np.ndarray
            Seconds since the vehicle's start, and east, north and up of its origin, shape (3,), m.
        """
        try:
            found = self._found.get(timeout=timeout)
        except Empty:
            return None
        if isinstance(found, Exception):
            raise found
        return found

    def _read(self) -> None:
        try:
            while not self._closing.is_set():
                message = self._connection.recv_match(blocking=True, timeout=POLL)
                if message is not None:
                    self._take(message)
        except Exception as error:  # of a lost connection; raised at the next position
            self._found.put(error)

    def _take(self, message: Any) -> None:
        kind = message.get_type()
        self.heard[message.get_srcSystem(), kind] += 1
        if kind == MESSAGE and self._is_ours(message):
            stamp = self._continued(message.time_boot_ms / 1000.0)
            if stamp is not None:
                self._found.put((stamp, enu_from_ned(np.array([message.x, message.y, message.z]))))

    def _is_ours(self, message: Any) -> bool:
        if self.system is None:
            self.system = message.get_srcSystem()
        if message.get_srcSystem() != self.system:
            return False
        if self._component is None:
            # Another computer on board may report its own estimate, with another origin.
            self._component = message.get_srcComponent()
        return bool(message.get_srcComponent() == self._component)

    def _continued(self, stamp: float) -> float | None:
        """Return a stamp later than all before, or None for one that came twice or late."""
        now = clock.monotonic()
        if self._newest is not None and stamp + self._offset <= self._newest:
            if self._newest - (stamp + self._offset) < RESTART:
                self.dropped += 1
                return None
            self.restarts += 1
            self._offset = self._newest + max(now - self._arrival, RESTART) - stamp
        self._newest, self._arrival = stamp + self._offset, now
        return self._newest


def _open(connection: str) -> Any:
    if Path(connection).is_file():
        raise ValueError(f"{connection} is a file; expected a connection. A log is read with --replay.")
    mavutil = require("pymavlink.mavutil", PURPOSE)
    advice = "Expected a connection of pymavlink such as udpin:127.0.0.1:14550, tcp:HOST:PORT or /dev/ttyACM0"
    try:
        return mavutil.mavlink_connection(connection)
    except ModuleNotFoundError as error:
        raise explain_missing(error, f"The connection {connection}") from error
    except OSError as error:
        raise OSError(
            f"the MAVLink connection {connection!r} cannot be opened: {error}. {advice}."
        ) from error
    except Exception as error:  # pymavlink has many ways to say that it does not understand a text
        raise ValueError(f"the connection is {connection!r} ({error}). {advice}.") from error
