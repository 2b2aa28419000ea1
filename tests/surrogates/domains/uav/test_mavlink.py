"""Real MAVLink packets over the loopback: who is followed, in which axes, with which stamps."""

import os
import socket
import time
from collections.abc import Iterator
from functools import partial
from types import ModuleType

import numpy as np
import pytest

from surrogates.core.errors import MissingExtraError
from surrogates.domains.uav.mavlink import MavlinkPositions
from surrogates.domains.uav.streaming import TrajectoryPredictor

os.environ.setdefault("MAVLINK20", "1")
mavlink = pytest.importorskip("pymavlink.dialects.v20.common")
mavlink1 = pytest.importorskip("pymavlink.dialects.v10.common")


class Vehicle:
    """An autopilot that reports over UDP."""

    def __init__(self, port: int, system: int = 1, component: int = 1, dialect: ModuleType = mavlink) -> None:
        self._mav = dialect.MAVLink(None, srcSystem=system, srcComponent=component)
        self._dialect = dialect
        self._port = port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def send(self, *messages) -> None:
        self._socket.sendto(b"".join(each.pack(self._mav) for each in messages), ("127.0.0.1", self._port))

    def position(self, seconds: float, north: float, east: float, down: float):
        milliseconds = round(1000 * seconds)
        return self._dialect.MAVLink_local_position_ned_message(milliseconds, north, east, down, 0, 0, 0)

    def heartbeat(self):
        return self._dialect.MAVLink_heartbeat_message(2, 12, 0, 0, 3, 3)

    def attitude(self, seconds: float):
        return self._dialect.MAVLink_attitude_message(round(1000 * seconds), 0, 0, 0, 0, 0, 0)


@pytest.fixture
def listener() -> Iterator[MavlinkPositions]:
    with MavlinkPositions("udpin:127.0.0.1:0") as made:
        yield made


@pytest.fixture
def port(listener: MavlinkPositions) -> int:
    return listener._connection.port.getsockname()[1]


def all_of(listener: MavlinkPositions) -> list[tuple[float, np.ndarray]]:
    """What was sent already: packets on the loopback are there at once."""
    return list(iter(partial(listener.receive, 0.25), None))


@pytest.mark.parametrize("dialect", [mavlink, mavlink1], ids=["v2", "v1"])
def test_north_east_down_becomes_east_north_up(listener, port, dialect):
    vehicle = Vehicle(port, dialect=dialect)
    vehicle.send(*(vehicle.position(12.345 + later, 1.0, 2.0, -3.0) for later in (0, 1, 2)))
    ((stamp, position), *_) = all_of(listener)
    assert stamp == 12.345
    np.testing.assert_array_equal(position, [2.0, 1.0, 3.0])


def test_one_vehicle_is_followed_and_other_messages_are_passed_over(listener, port):
    ours, other = Vehicle(port, system=7), Vehicle(port, system=8)
    companion = Vehicle(port, system=7, component=191)
    other.send(other.heartbeat())
    ours.send(ours.heartbeat(), ours.position(1.0, 0, 0, 0), ours.attitude(1.01))
    other.send(other.position(50.0, 9, 9, 9))
    companion.send(companion.position(1.05, 5, 5, 5))
    ours.send(ours.position(1.1, 0, 1, 0))
    ours.send(ours.position(1.2, 0, 1, 0))
    found = all_of(listener)
    assert [stamp for stamp, _ in found] == [1.0, 1.1, 1.2]
    assert listener.others == {(8, 1): 1, (7, 191): 1}
    assert listener.system == 7
    assert listener.heard[8, "HEARTBEAT"] == 1 and listener.heard[8, "LOCAL_POSITION_NED"] == 1
    assert listener.heard[7, "LOCAL_POSITION_NED"] == 4


def test_the_vehicle_can_be_chosen(port):
    with MavlinkPositions("udpin:127.0.0.1:0", system=8) as listener:
        port = listener._connection.port.getsockname()[1]
        first, second = Vehicle(port, system=7), Vehicle(port, system=8)
        first.send(first.position(1.0, 1, 1, 1))
        second.send(second.position(2.0, 2, 2, 2))
        assert [stamp for stamp, _ in all_of(listener)] == [2.0]


def test_messages_that_come_twice_or_late_are_dropped(listener, port):
    vehicle = Vehicle(port)
    for seconds in (1.0, 1.1, 1.1, 1.3, 1.2, 1.4):
        vehicle.send(vehicle.position(seconds, 0, 0, 0))
    assert [stamp for stamp, _ in all_of(listener)] == [1.0, 1.1, 1.3, 1.4]
    assert (listener.dropped, listener.restarts) == (2, 0)


def test_stamps_go_on_where_the_clock_of_the_vehicle_starts_again(listener, port):
    vehicle = Vehicle(port)
    for seconds in (99.9, 100.0, 100.1, 0.5, 0.6):
        vehicle.send(vehicle.position(seconds, 0, 0, 0))
    stamps = [stamp for stamp, _ in all_of(listener)]
    assert stamps[:3] == [99.9, 100.0, 100.1]
    assert stamps[3] == pytest.approx(101.1)  # a pause, so a history does not bridge it
    assert stamps[4] - stamps[3] == pytest.approx(0.1)
    assert listener.restarts == 1


def test_a_flight_over_the_loopback_is_predicted(listener, port, straight):
    """Irregular stamps, others in between, and a second without any message."""
    listener.system = listener._chosen = 1
    vehicle, other = Vehicle(port), Vehicle(port, system=2)
    rng = np.random.default_rng(3)
    times = 60.0 + np.cumsum(rng.uniform(0.01, 0.08, 150)).round(3)
    silent = (times > 63.0) & (times < 64.0)
    velocity = np.array([4.0, -3.0, 0.5])  # east, north, up
    for seconds in times[~silent]:
        east, north, up = velocity * (seconds - 60.0)
        other.send(other.position(seconds - 20.0, 500.0, 500.0, 0.0))
        vehicle.send(vehicle.attitude(seconds), vehicle.position(seconds, north, east, -up))
        if seconds == times[0]:
            vehicle.send(vehicle.heartbeat())
        time.sleep(0.001)  # a burst of 256 would be more than the kernel holds
    predictor = TrajectoryPredictor(straight)
    found = [(stamp, predictor.push(stamp, position)) for stamp, position in all_of(listener)]
    assert [stamp for stamp, _ in found] == pytest.approx(times[~silent].tolist())
    assert predictor.resets == 1
    after = times[times >= 64.0][0]
    for stamp, each in found:
        begun = times[0] if stamp < 64.0 else after
        assert (each is None) == (stamp - begun < 1.9 - 1e-5)
        if each is not None:
            np.testing.assert_allclose(each.position, np.outer(each.times - 60.0, velocity), atol=5e-3)


def test_one_datagram_of_another_system_does_not_take_the_stream_over(listener, port):
    ours, other = Vehicle(port, system=7), Vehicle(port, system=66)
    other.send(other.position(1e6, 1e5, 0, 0))
    for seconds in (1.0, 1.1, 1.2):
        ours.send(ours.position(seconds, 0, 0, 0))
        other.send(other.position(2e6, 1e5, 0, 0))  # a stamp that comes again agrees with nothing
    assert [stamp for stamp, _ in all_of(listener)] == [1.0, 1.1, 1.2]
    assert listener.system == 7 and listener.others[66, 1] == 3


def test_senders_without_end_are_counted_and_forgotten(listener, port):
    for system in range(1, 201):
        each = Vehicle(port, system=system)
        each.send(each.position(1.0, 0, 0, 0))
    assert all_of(listener) == []
    assert len(listener._waiting) == 64 and listener.others.total() == 200 - 64


def test_a_silent_vehicle_is_let_go_and_another_followed_after_a_pause(listener, port, monkeypatch):
    first, second = Vehicle(port, system=7), Vehicle(port, system=8)
    first.send(*(first.position(seconds, 0, 0, 0) for seconds in (50.0, 50.1, 50.2)))
    assert len(all_of(listener)) == 3
    second.send(*(second.position(seconds, 0, 0, 0) for seconds in (50.3, 50.4, 50.5)))
    assert all_of(listener) == []
    monkeypatch.setattr("surrogates.domains.uav.mavlink.SILENCE", 0.0)
    second.send(*(second.position(seconds, 0, 0, 0) for seconds in (50.6, 50.7, 50.8)))
    stamps = [stamp for stamp, _ in all_of(listener)]
    assert listener.system == 8
    assert stamps[0] >= 51.2 and stamps[1] - stamps[0] == pytest.approx(0.1)


def damaged(packet: bytes, number: int, rng: np.random.Generator) -> bytes:
    """Cut a packet, flip one of its bytes, or give random ones."""
    if number % 3 == 0:
        return packet[: rng.integers(1, len(packet))]
    if number % 3 == 1:
        where = int(rng.integers(len(packet)))
        return packet[:where] + bytes([packet[where] ^ 0x5A]) + packet[where + 1 :]
    return rng.bytes(int(rng.integers(1, 300)))


@pytest.mark.parametrize("dialect", [mavlink, mavlink1], ids=["v2", "v1"])
def test_damaged_datagrams_cost_only_themselves(listener, port, dialect):
    vehicle, rng = Vehicle(port, dialect=dialect), np.random.default_rng(0)
    listener.system = listener._chosen = 1
    for number in range(600):
        packet = vehicle.position(number / 50, 0, 0, 0).pack(vehicle._mav)
        vehicle._socket.sendto(damaged(packet, number, rng), ("127.0.0.1", port))
        vehicle._socket.sendto(packet, ("127.0.0.1", port))
        if number % 50 == 0:
            time.sleep(0.02)
    assert [stamp for stamp, _ in all_of(listener)] == pytest.approx(np.arange(600) / 50)


def test_a_packet_that_a_bridge_cut_in_two_is_joined(listener, port):
    vehicle = Vehicle(port)
    listener.system = listener._chosen = 1
    for seconds in (1.0, 1.1):
        packet = vehicle.position(seconds, 0, 0, 0).pack(vehicle._mav)
        for half in (packet[:11], packet[11:]):
            vehicle._socket.sendto(half, ("127.0.0.1", port))
    assert [stamp for stamp, _ in all_of(listener)] == [1.0, 1.1]


def test_a_slow_listener_loses_nothing(listener, port):
    """The kernel alone would hold about 280 of these."""
    vehicle = Vehicle(port)
    for number in range(1000):
        vehicle.send(vehicle.position(number / 50, 0, 0, 0))
        if number % 50 == 0:
            time.sleep(0.02)
    assert len(all_of(listener)) == 1000


def test_what_is_no_connection_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"connection is 'udpin:14550' .* such as udpin:127.0.0.1:14550"):
        MavlinkPositions("udpin:14550")
    with pytest.raises(OSError, match=r"'udpin:203.0.113.1:14550' cannot be opened: .*"):
        MavlinkPositions("udpin:203.0.113.1:14550")
    log = tmp_path / "flight.ulg"
    log.touch()
    with pytest.raises(ValueError, match=r"is a file; expected a connection. A log is read with --replay"):
        MavlinkPositions(str(log))


def test_missing_extra_is_answered_by_its_install_line(monkeypatch):
    def without(name):
        raise ModuleNotFoundError(f"No module named '{name}'", name=name)

    monkeypatch.setattr("surrogates.core.optional.import_module", without)
    with pytest.raises(MissingExtraError, match=r'pip install "sciml-surrogates\[uav\]"'):
        MavlinkPositions("udpin:127.0.0.1:0")
