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
AGREEING = 3
"""Positions with ascending stamps that a vehicle has to send before it is followed."""
WAITING = 64
"""Senders at most that are looked at at once."""
SILENCE = 5.0
"""A vehicle that sends no position for so long is let go, s."""
AUTOPILOT = 1
"""Component id of an autopilot (MAV_COMP_ID_AUTOPILOT1)."""
LONGEST = 280
"""Bytes of the longest packet of MAVLink 2, signature included."""

Sender = tuple[int, int]
"""System and component."""


class MavlinkPositions:
    """Listen for the local position of one vehicle; nothing is ever sent.

    A thread empties the socket, since the kernel holds only a few hundred packets: none is lost while a
    picture is drawn. The stamps are the vehicle's own, so they do not depend on how a message travelled.
    Messages that come twice or late (over two links, or overtaken) are dropped. If the vehicle's clock
    starts again, the stamps continue after a pause as long as the one on our clock, so they always increase.
    A damaged datagram costs only itself.

    Anyone can send to an open port: a vehicle that is not named is followed once three of its positions
    agree, with stamps that ascend, and is let go after five seconds of silence. Then another may be followed,
    after a pause in the stamps.

    Parameters
    ----------
    connection
        As pymavlink writes it: `udpin:127.0.0.1:14550` listens at a port, `tcp:HOST:PORT` asks a server,
        `/dev/ttyACM0` reads a serial line.
    system
        The vehicle's system id; by default that of the first vehicle that keeps sending.

    Attributes
    ----------
    system
        Vehicle that is followed, or was chosen; None until there is one.
    heard
        Counts of all messages, by (system id, type).
    others
        Counts of positions that were not followed, by (system id, component id).
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
        self.others: Counter[Sender] = Counter()
        self.dropped = self.restarts = 0
        self._chosen = system
        self._followed: Sender | None = None
        self._last: Sender | None = None
        self._waiting: dict[Sender, list[Any]] = {}
        self._rest = b""
        self._offset = 0.0
        self._newest: float | None = None
        self._arrival = 0.0
        self._found: SimpleQueue[tuple[float, np.ndarray] | Exception] = SimpleQueue()
        self._closing = Event()
        self._connection = _open(connection)
        self._protocol = require("pymavlink.dialects.v20.ardupilotmega", PURPOSE)
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
        packets = isinstance(self._connection, require("pymavlink.mavutil", PURPOSE).mavudp)
        try:
            while not self._closing.is_set():
                if packets:
                    self._connection.select(POLL)
                    while data := self._connection.recv():
                        for message in self._messages(bytes(data)):
                            self._take(message)
                elif (message := self._connection.recv_match(blocking=True, timeout=POLL)) is not None:
                    self._take(message)
        except Exception as error:  # of a lost connection; raised at the next position
            self._found.put(error)

    def _messages(self, data: bytes) -> list[Any]:
        """Return the messages of a datagram.

        What a datagram leaves unfinished is joined to the next only if that holds no message of its own:
        bridges of serial lines cut anywhere, but a damaged head must not take a good message along.
        """
        found, rest = self._parsed(data)
        if not found and self._rest:
            found, rest = self._parsed(self._rest + data)
        self._rest = rest[-LONGEST:]
        return found

    def _parsed(self, data: bytes) -> tuple[list[Any], bytes]:
        """Return the sound messages in some bytes, and what follows the last one."""
        parser = self._protocol.MAVLink(None)  # both versions; without what it was told before
        parser.robust_parsing = True
        messages = parser.parse_buffer(data) or []
        return [each for each in messages if each.get_type() != "BAD_DATA"], bytes(
            parser.buf[parser.buf_index :]
        )

    def _take(self, message: Any) -> None:
        kind = message.get_type()
        self.heard[message.get_srcSystem(), kind] += 1
        if kind != MESSAGE:
            return
        for each in self._followed_by(message):
            stamp = self._continued(each.time_boot_ms / 1000.0)
            if stamp is not None:
                self._found.put((stamp, enu_from_ned(np.array([each.x, each.y, each.z]))))

    def _followed_by(self, message: Any) -> list[Any]:
        """Return the positions to report now that this one has come; none if another vehicle is followed."""
        sender = message.get_srcSystem(), message.get_srcComponent()
        if self._followed is not None and clock.monotonic() - self._arrival > SILENCE:
            self._followed, self.system = None, self._chosen
        if sender == self._followed:
            return [message]
        if self._followed is not None or self._chosen not in (None, sender[0]):
            self.others[sender] += 1
            return []
        agreeing = self._waiting.get(sender, [])
        late = agreeing[-1].time_boot_ms - message.time_boot_ms if agreeing else -1
        if 0 <= late < 1000 * RESTART:
            self.dropped += 1
            return []
        agreeing = [message] if late > 0 else [*agreeing, message]
        self._waiting[sender] = agreeing
        if len(agreeing) < AGREEING and (self._chosen, AUTOPILOT) != sender:
            self._forget_oldest()
            return []
        self._follow(sender, agreeing[0].time_boot_ms / 1000.0)
        return agreeing

    def _follow(self, sender: Sender, stamp: float) -> None:
        del self._waiting[sender]
        self._forget_oldest(0)
        if self._newest is not None and sender != self._last:  # another vehicle has another clock
            self._offset = self._newest + max(clock.monotonic() - self._arrival, RESTART) - stamp
        self._followed, self._last, self.system = sender, sender, sender[0]

    def _forget_oldest(self, kept: int = WAITING) -> None:
        """Keep the last senders that wait to be followed; count the positions of the rest as others'."""
        while len(self._waiting) > kept:
            oldest = next(iter(self._waiting))
            self.others[oldest] += len(self._waiting.pop(oldest))

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
