"""Each row of the table of fields in the card of `uav/ulog` has an example that fails if it is not so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.uav.tracks import Flight, resampled
from datasets.uav.ulog import read_ulog
from tests.datasets.cards import fields
from tests.datasets.uav.logs import CODES, Topic, write_ulog

TIMES = 100 + np.arange(0, 4, 0.02)
TYPES = dict.fromkeys(("x", "y", "z", "vx", "vy", "vz"), "float")
LATE = TIMES >= 102 - 1e-6
Values = dict[str, tuple[str, Any]]


def topic(more: Values | None = None, types: dict[str, str] = TYPES, **columns: Any) -> Topic:
    """2 m/s to the north at 5 m; `more` has types and values of further fields."""
    t = TIMES - 100
    given: dict[str, Any] = {"x": 2 * t, "z": -5.0, "vx": 2.0} | columns
    further = more or {}
    named = {**types, **{name: kind for name, (kind, _) in further.items()}}
    values = {name: given.get(name, 0.0) for name in types} | {
        name: each for name, (_, each) in further.items()
    }
    rows = []
    for index, stamp in enumerate(TIMES):
        cells = [np.asarray(each)[index] if np.ndim(each) and len(each) == len(TIMES) else each for each in
                 values.values()]  # fmt: skip
        rows.append((stamp, *(cell.item() if isinstance(cell, np.generic) else cell for cell in cells)))
    assert set(named.values()) <= set(CODES)
    return named, rows


def read(
    folder: Path, more: Values | None = None, topics: dict[str, Topic] | None = None, **columns: Any
) -> Flight:
    path = folder / f"{len(list(folder.iterdir()))}.ulg"
    others = topics or {}
    (flight,) = read_ulog(write_ulog(path, {"vehicle_local_position": topic(more, **columns)} | others))
    return flight


def ends_at(flight: Flight) -> list[float]:
    """Return where tracks begin."""
    return [round(track.start_time, 2) for track in resampled(flight, min_duration=1, still_speed=0)]


def counted(name: str) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        assert ends_at(read(folder, {name: ("uint8_t", 3)})) == [100.0]
        assert ends_at(read(folder, {name: ("uint8_t", LATE.astype(int))})) == [100.0, 102.0]

    return check


def ignored(kind: str, *names: str) -> Callable[[Path], None]:
    """Whatever such fields hold, the flight is the same."""

    def check(folder: Path) -> None:
        plain = read(folder)
        value = [7, 7] if kind == "float[2]" else np.where(LATE, 0, 1) if kind in ("bool", "uint8_t") else 7
        other = read(folder, dict.fromkeys(names, (kind, value)))
        for name, values in plain.series().items():
            np.testing.assert_array_equal(other.series()[name], values)
        assert ends_at(other) == ends_at(plain) == [100.0]

    return check


def both(*checks: Callable[[Path], None]) -> Callable[[Path], None]:
    def check(folder: Path) -> None:
        for each in checks:
            each(folder)

    return check


def position(folder: Path) -> None:
    path = write_ulog(folder / "a.ulg", {"vehicle_attitude": ({"q": "float[4]"}, [(1.0, [1, 0, 0, 0])])})
    with pytest.raises(BuildError, match=r"has no topic 'vehicle_local_position'.*it has vehicle_attitude"):
        read_ulog(path)


def instances(folder: Path) -> None:
    fixed, rows = topic()
    topics = {"vehicle_local_position": (fixed, rows[:3]), "vehicle_local_position:1": topic(z=-7.0)}
    path = write_ulog(folder / "a.ulg", topics)
    assert read_ulog(path)[0].position[0, 2] == 7
    assert read_ulog(path, instance=0)[0].position[0, 2] == 5


def timestamp(folder: Path) -> None:
    np.testing.assert_allclose(read(folder).stamps, TIMES, rtol=0, atol=1e-6)


def timestamp_sample(folder: Path) -> None:
    taken = np.round(TIMES * 1e6).astype(np.int64) - 4000
    flight = read(folder, {"timestamp_sample": ("uint64_t", taken)})
    np.testing.assert_allclose(flight.stamps, TIMES - 0.004, rtol=0, atol=1e-6)
    for unusable in (0 * taken, np.where(LATE, taken, 0), taken + 8000, np.full_like(taken, taken[0])):
        flight = read(folder, {"timestamp_sample": ("uint64_t", unusable)})
        np.testing.assert_allclose(flight.stamps, TIMES, rtol=0, atol=1e-6)


def order(folder: Path) -> None:
    named, rows = topic()
    rows = [rows[1], rows[0], *rows[2:]]
    (flight,) = read_ulog(write_ulog(folder / "a.ulg", {"vehicle_local_position": (named, rows)}))
    np.testing.assert_allclose(flight.position[:3, 1], [0, 0.04, 0.08], atol=1e-6)
    assert "put in order" in flight.remarks[0]


def axes(folder: Path) -> None:
    flight = read(folder, y=3.0, x=np.where(LATE, np.nan, 1.0))
    np.testing.assert_array_equal(flight.position, np.tile([3, 1, 5], ((~LATE).sum(), 1)))
    assert sum(flight.left_out.values()) == LATE.sum()


def valid(folder: Path) -> None:
    for name in ("xy_valid", "z_valid"):
        flight = read(folder, {name: ("bool", LATE)})
        assert (flight.left_out, len(flight.stamps)) == (
            {"whose position the estimator calls invalid": (~LATE).sum()},
            LATE.sum(),
        )


def velocity(folder: Path) -> None:
    np.testing.assert_allclose(
        read(folder, vy=1.5, vz=0.25).velocity, np.tile([1.5, 2, -0.25], (len(TIMES), 1))
    )


def velocity_valid(folder: Path) -> None:
    for name in ("v_xy_valid", "v_z_valid"):
        flight = read(folder, {name: ("bool", LATE)})
        assert flight.velocity is not None
        np.testing.assert_array_equal(np.isfinite(flight.velocity).all(axis=1), LATE)
        assert not flight.left_out


def reference_time(folder: Path) -> None:
    assert ends_at(read(folder, {"ref_timestamp": ("uint64_t", np.where(LATE, 50, 0))})) == [100.0]
    assert ends_at(read(folder, {"ref_timestamp": ("uint64_t", np.where(LATE, 50, 9))})) == [100.0, 102.0]


def attitude(folder: Path) -> None:
    rows = [(t, [0.5**0.5, 0.0, 0.0, 0.5**0.5]) for t in TIMES]  # the nose to the east
    found = read(folder, topics={"vehicle_attitude": ({"q": "float[4]"}, rows)}).attitude
    np.testing.assert_allclose(np.abs(found), np.tile([1, 0, 0, 0], (len(TIMES), 1)), atol=1e-6)


def quaternion_resets(folder: Path) -> None:
    rows = [(t, [1.0, 0.0, 0.0, 0.0], int(late)) for t, late in zip(TIMES, LATE, strict=True)]
    turned: dict[str, Topic] = {
        "vehicle_attitude": ({"q": "float[4]", "quat_reset_counter": "uint8_t"}, rows)
    }
    assert ends_at(read(folder, topics=turned)) == [100.0, 102.0]
    assert ends_at(read(folder, {"heading_reset_counter": ("uint8_t", 0)}, turned)) == [100.0]


def rates(folder: Path) -> None:
    given: Topic = {"xyz": "float[3]"}, [(t, [0.5, 0.25, 0.125]) for t in TIMES]
    found = read(folder, topics={"vehicle_angular_velocity": given}).angular_velocity
    np.testing.assert_array_equal(found, np.tile([0.5, -0.25, -0.125], (len(TIMES), 1)))


def setpoints(folder: Path) -> None:
    def told(value: float) -> Topic:
        return dict.fromkeys("xyz", "float"), [(t, value, 0.0, -5.0) for t in TIMES]

    for first, second, expected in ((3.0, 4.0, 3.0), (np.nan, 4.0, 4.0)):
        given = {"trajectory_setpoint": told(first), "vehicle_local_position_setpoint": told(second)}
        found = read(folder, topics=given).position_setpoint
        np.testing.assert_array_equal(found, np.tile([0, expected, 5], (len(TIMES), 1)))


def dropouts(folder: Path) -> None:
    named, rows = topic()
    kept = [row for row in rows if not 101 < row[0] < 103]
    path = write_ulog(folder / "a.ulg", {"vehicle_local_position": (named, kept)}, {101.0: 2000, 103.5: 30})
    (flight,) = read_ulog(path)
    assert flight.remarks == (
        f"{path}: the logger dropped out 2 times for 2.03 s in all, and what it missed counts as a pause",
    )
    assert ends_at(flight)[0] == 100.0
    assert len(ends_at(flight)) == 2 - (TIMES[-1] < 104)


def damage(folder: Path) -> None:
    path = write_ulog(folder / "a.ulg", {"vehicle_local_position": topic()})
    content = bytearray(path.read_bytes())
    message = len(content) - (start := content.rindex(b"D", 0, -20) - 2)
    whole = bytes(content)
    content[start : start + 3] = bytes(3)
    path.write_bytes(content)
    (flight,) = read_ulog(path)
    assert "damaged stretches of the log were left out" in flight.remarks[0]
    assert len(flight.stamps) < len(TIMES)
    for byte in (whole[-100 * message + 9], 255):
        content[:] = whole
        content[-100 * message + 9] = byte ^ 1  # 71 minutes later, or earlier
        path.write_bytes(content)
        (flight,) = read_ulog(path)
        assert flight.left_out == {"whose stamp is out of order by 1 s or more": 1}
        np.testing.assert_allclose(flight.stamps, np.delete(TIMES, 100), rtol=0, atol=1e-6)


def cut(folder: Path) -> None:
    path = write_ulog(folder / "a.ulg", {"vehicle_local_position": topic()})
    assert read_ulog(path)[0].remarks == ()
    whole = path.read_bytes()
    for cut_off in (
        5,
        len(whole) - whole.rindex(b"D", 0, -20) - 1,
    ):  # in the content, or right behind the head
        path.write_bytes(whole[:-cut_off])
        (flight,) = read_ulog(path)
        assert len(flight.stamps) == len(TIMES) - 1
        assert flight.remarks == (f"{path}: the log ends within a message, so its end was cut off",)


EXAMPLES: dict[str, Callable[[Path], None]] = {
    "`vehicle_local_position`": position,
    "several instances of a topic": instances,
    "`timestamp`": timestamp,
    "`timestamp_sample`": timestamp_sample,
    "order of the samples": order,
    "`x`, `y`, `z`": axes,
    "`xy_valid`, `z_valid`": valid,
    "`vx`, `vy`, `vz`": velocity,
    "`v_xy_valid`, `v_z_valid`": velocity_valid,
    "`xy_reset_counter`, `z_reset_counter`": both(counted("xy_reset_counter"), counted("z_reset_counter")),
    "`vxy_reset_counter`, `vz_reset_counter`": both(
        counted("vxy_reset_counter"), counted("vz_reset_counter")
    ),
    "`heading_reset_counter`": counted("heading_reset_counter"),
    "`delta_xy`, `delta_z`, `delta_heading`": both(
        ignored("float[2]", "delta_xy"), ignored("float", "delta_z", "delta_heading")
    ),
    "`ref_timestamp`": reference_time,
    "`ref_lat`, `ref_lon`, `ref_alt`": both(
        ignored("double", "ref_lat", "ref_lon"), ignored("float", "ref_alt")
    ),
    "`xy_global`, `z_global`": ignored("bool", "xy_global", "z_global"),
    "`dist_bottom`, `dist_bottom_valid`": both(
        ignored("float", "dist_bottom"), ignored("bool", "dist_bottom_valid")
    ),
    "`heading`": ignored("float", "heading"),
    "`dead_reckoning`, `eph`, `epv`": both(ignored("bool", "dead_reckoning"), ignored("float", "eph", "epv")),
    "`vehicle_attitude`": attitude,
    "`quat_reset_counter`": quaternion_resets,
    "`vehicle_angular_velocity`": rates,
    "`trajectory_setpoint`, `vehicle_local_position_setpoint`": setpoints,
    "dropouts": dropouts,
    "damaged stretches": damage,
    "an end that is cut off": cut,
    "parameters, information": timestamp,
}


@pytest.mark.parametrize("field", fields("uav/ulog"))
def test_field_is_read_as_the_card_says(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](tmp_path)
