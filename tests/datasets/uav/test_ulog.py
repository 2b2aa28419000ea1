"""Logs of PX4 become flights in east, north, up; a small writer makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from datasets.factory.errors import BuildError
from datasets.uav import ulog
from datasets.uav.tracks import resampled
from datasets.uav.ulog import read_ulog
from surrogates.core import optional
from surrogates.core.errors import MissingExtraError
from tests.datasets.uav.logs import Topic, write_ulog

STAMPS = 100 + np.arange(0, 6, 0.02)
VALID = {"xy_valid": "bool", "z_valid": "bool", "v_xy_valid": "bool", "v_z_valid": "bool"}
RESETS = {"xy_reset_counter": "uint8_t", "z_reset_counter": "uint8_t"}
POSITION = dict.fromkeys(("x", "y", "z", "vx", "vy", "vz"), "float") | VALID | RESETS


def position(**changes: Any) -> Topic:
    """3 m/s north, 1 m/s east, climbing 0.5 m/s from 10 m."""
    rows = []
    for stamp in STAMPS:
        t = stamp - STAMPS[0]
        row: dict[str, Any] = {"x": 3 * t, "y": t, "z": -10 - 0.5 * t, "vx": 3, "vy": 1, "vz": -0.5}
        row |= dict.fromkeys(VALID, True) | dict.fromkeys(RESETS, 0)
        row |= {name: change(t) for name, change in changes.items()}
        rows.append((stamp, *(row[name] for name in POSITION)))
    return POSITION, rows


def attitude() -> Topic:
    """Heading turns from north to the east at 0.3 rad/s, logged at other times than the position."""
    rows = []
    for stamp in STAMPS[:-10] + 0.007:
        half = 0.15 * (stamp - STAMPS[0])
        rows.append((stamp, [np.cos(half), 0.0, 0.0, np.sin(half)]))
    return {"q": "float[4]"}, rows


def test_north_east_down_becomes_east_north_up(tmp_path: Path) -> None:
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", {"vehicle_local_position": position()}))
    t = STAMPS - STAMPS[0]
    np.testing.assert_allclose(flight.stamps, STAMPS, atol=1e-6)
    np.testing.assert_allclose(
        flight.position, np.stack([t, 3 * t, 10 + 0.5 * t], axis=1), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(flight.velocity, np.tile([1, 3, 0.5], (len(t), 1)))
    assert flight.attitude is flight.angular_velocity is flight.position_setpoint is None
    assert flight.remarks == ()


def test_attitude_is_brought_to_the_stamps_of_the_position(tmp_path: Path) -> None:
    topics = {"vehicle_local_position": position(), "vehicle_attitude": attitude()}
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", topics))
    assert flight.attitude is not None
    known = np.isfinite(flight.attitude).all(axis=1)
    np.testing.assert_array_equal(known, (STAMPS[0] + 0.007 <= STAMPS) & (STAMPS[-11] + 0.007 >= STAMPS))
    heading = 0.3 * (STAMPS - STAMPS[0])
    forward = Rotation.from_quat(flight.attitude[known][:, [1, 2, 3, 0]]).apply([1, 0, 0])
    expected = np.stack([np.sin(heading), np.cos(heading), 0 * heading], axis=1)[known]
    np.testing.assert_allclose(forward, expected, atol=1e-6)


def test_rates_become_forward_left_up(tmp_path: Path) -> None:
    rates: Topic = {"xyz": "float[3]"}, [(stamp, [0.1, 0.2, 0.3]) for stamp in STAMPS]
    topics = {"vehicle_local_position": position(), "vehicle_angular_velocity": rates}
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", topics))
    np.testing.assert_allclose(
        flight.angular_velocity, np.tile([0.1, -0.2, -0.3], (len(STAMPS), 1)), rtol=1e-6
    )


@pytest.mark.parametrize(
    ("topic", "fields"),
    [
        ("trajectory_setpoint", {"position": "float[3]"}),
        ("trajectory_setpoint", dict.fromkeys("xyz", "float")),
        ("vehicle_local_position_setpoint", dict.fromkeys("xyz", "float")),
    ],
)
def test_setpoint_of_old_and_new_logs_holds_until_the_next(
    topic: str, fields: dict[str, str], tmp_path: Path
) -> None:
    told = {100.0: [np.nan] * 3, 101.0: [5.0, 6.0, -7.0], 103.0: [8.0, 9.0, -9.0]}
    values = [
        (start + i / 5, cells) for start, cells in told.items() for i in range(10 if start > 100 else 5)
    ]
    rows = [(stamp, cells) if "position" in fields else (stamp, *cells) for stamp, cells in values]
    topics = {"vehicle_local_position": position(), topic: (fields, rows)}
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", topics))
    setpoint = flight.position_setpoint
    assert setpoint is not None
    assert np.isnan(setpoint[STAMPS < 100.999]).all()
    assert (setpoint[(STAMPS > 101.001) & (STAMPS < 102.999)] == [6, 5, 7]).all()
    assert (setpoint[(STAMPS > 103.001) & (STAMPS < 105.299)] == [9, 8, 9]).all()
    assert np.isnan(setpoint[STAMPS > 105.301]).all()  # the last was given at 104.8 s


def test_invalid_positions_are_left_out_and_velocities_unknown(tmp_path: Path) -> None:
    topic = position(xy_valid=lambda t: t >= 1.999, v_z_valid=lambda t: t >= 2.999)
    path = write_ulog(tmp_path / "a.ulg", {"vehicle_local_position": topic})
    (flight,) = read_ulog(path)
    assert flight.stamps[0] == pytest.approx(102.0)
    assert flight.at(0) == f"{path}, sample of vehicle_local_position 101"
    assert flight.left_out == {"whose position the estimator calls invalid": 100}
    assert flight.remarks == ()
    assert flight.velocity is not None
    assert np.isnan(flight.velocity[:50]).all()
    assert np.isfinite(flight.velocity[50:]).all()


def test_reset_of_the_estimator_ends_a_track(tmp_path: Path) -> None:
    topic = position(x=lambda t: 3 * t + 50 * (t > 2.999), xy_reset_counter=lambda t: int(t > 2.999))
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", {"vehicle_local_position": topic}))
    first, second = resampled(flight, min_duration=2)
    assert (round(first.start_time, 3), round(second.start_time, 3)) == (100.0, 103.0)
    for track in (first, second):
        np.testing.assert_allclose(np.diff(track.position[:, 1]), 0.3, atol=1e-4)


def test_instance_that_flies_is_read_and_another_by_a_key(tmp_path: Path) -> None:
    fields, rows = position()
    topics = {
        "vehicle_local_position": (fields, rows[:4]),
        "vehicle_local_position:1": position(y=lambda t: 2 * t),
        "vehicle_local_position:2": position(y=lambda t: 3 * t),
    }
    path = write_ulog(tmp_path / "a.ulg", topics)
    (flight,) = read_ulog(path)
    np.testing.assert_allclose(flight.position[:, 0], 2 * (STAMPS - 100), atol=1e-5)
    (remark,) = flight.remarks
    assert "instance 0 (4 of 4 samples valid), instance 1 (300 of 300 samples valid)" in remark
    assert remark.endswith("instance 1 is read, another by `instance=0`")
    np.testing.assert_allclose(read_ulog(path, instance=2)[0].position[:, 0], 3 * (STAMPS - 100), atol=1e-5)
    assert len(read_ulog(path, instance=0)[0].stamps) == 4
    with pytest.raises(
        BuildError, match=r"has no instance 7 of 'vehicle_local_position', expected one of 0, 1, 2; .*=0`"
    ):
        read_ulog(path, instance=7)


def test_other_topics_are_of_the_same_instance_if_they_have_it(tmp_path: Path) -> None:
    def rates(value: float, samples: int) -> Topic:
        return {"xyz": "float[3]"}, [(stamp, [value, 0.0, 0.0]) for stamp in STAMPS[:samples]]

    topics = {
        "vehicle_local_position:1": position(),
        "vehicle_angular_velocity": rates(0.5, 300),
        "vehicle_angular_velocity:2": rates(0.75, 2),
    }
    (flight,) = read_ulog(write_ulog(tmp_path / "a.ulg", topics))
    np.testing.assert_allclose(flight.angular_velocity, np.tile([0.5, 0, 0], (300, 1)))
    topics["vehicle_angular_velocity:1"] = rates(0.25, 200)
    (flight,) = read_ulog(write_ulog(tmp_path / "b.ulg", topics))
    assert flight.angular_velocity is not None
    np.testing.assert_allclose(flight.angular_velocity[:200], np.tile([0.25, 0, 0], (200, 1)))


def test_samples_that_changed_places_are_put_in_order_with_a_remark(tmp_path: Path) -> None:
    fields, rows = position()
    rows = [*rows[:100], rows[101], rows[100], *rows[102:]]
    path = write_ulog(tmp_path / "a.ulg", {"vehicle_local_position": (fields, rows)})
    (flight,) = read_ulog(path)
    np.testing.assert_allclose(flight.stamps, STAMPS, atol=1e-6)
    np.testing.assert_allclose(flight.position[:, 0], STAMPS - 100, atol=1e-5)
    assert flight.remarks == (f"{path}: 1 samples came after later ones and were put in order",)
    assert flight.at(100) == f"{path}, sample of vehicle_local_position 102"


def test_log_that_cannot_be_read_or_has_no_position_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ulg"
    for content in (b"", b"timestamp,tx,ty,tz\n0,1,2,3\n"):
        path.write_bytes(content)
        with pytest.raises(BuildError, match=r"cannot be read as a ULog: .*is it complete, and a log of PX4"):
            read_ulog(path)
    write_ulog(path, {"vehicle_local_position": position(z_valid=lambda t: False)})
    with pytest.raises(
        BuildError, match=r"none of 300 samples of 'vehicle_local_position' has a valid position"
    ):
        read_ulog(path)
    write_ulog(path, {"vehicle_local_position": ({"x": "float"}, [(1.0, 2.0)])})
    with pytest.raises(BuildError, match=r"a topic of the position, .* has no field 'y', which PX4 logs"):
        read_ulog(path)
    write_ulog(path, {"vehicle_attitude": attitude()})
    with pytest.raises(
        BuildError, match="has no topic 'vehicle_local_position', expected it; it has vehicle_att"
    ):
        read_ulog(path)


def test_log_cut_in_flight_is_read_to_its_last_message(tmp_path: Path) -> None:
    path = write_ulog(
        tmp_path / "a.ulg",
        {"vehicle_local_position": position(), "vehicle_attitude": ({"q": "float[4]"}, [])},
    )
    path.write_bytes(path.read_bytes()[:-4000])
    (flight,) = read_ulog(path)
    assert 150 < len(flight.stamps) < 300
    assert flight.attitude is None


def test_log_with_garbage_behind_it_is_read_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ulog, "MOST_STRAY", 1000)
    path = write_ulog(tmp_path / "a.ulg", {"vehicle_local_position": position()})
    (whole,) = read_ulog(path)
    path.write_bytes(path.read_bytes() + bytes(20_000_000))
    (flight,) = read_ulog(path)
    assert np.array_equal(flight.stamps, whole.stamps)
    assert any("ends in 1,000 bytes that are no messages" in each for each in flight.remarks)


def test_missing_pyulog_is_answered_with_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr(optional, "import_module", missing)
    with pytest.raises(
        MissingExtraError, match=r'needs the module .pyulog.*pip install "sciml-surrogates\[uav\]"'
    ):
        read_ulog(tmp_path / "a.ulg")
