"""What the cards of `uav/csv` and `uav/tum` say of each field holds for an example of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.uav.text import Columns, read_csv, read_tum
from datasets.uav.tracks import Flight, checked
from tests.datasets.cards import fields

TIMES = 0.05 * np.arange(60)
HEADER = "timestamp,tx,ty,tz"
TURNED = (0.8, 0.0, 0.0, 0.6)  # (w, x, y, z)
Read = Callable[..., Flight]


def table(header: str, row: Callable[[float], str], *odd: tuple[int, str]) -> str:
    """Lines of a flight; some rows are others."""
    rows = [row(time) for time in TIMES]
    for index, line in odd:
        rows[index] = line
    return "\n".join([header, *rows] if header else rows)


def plain(time: float) -> str:
    return f"{time:.3f},{2 * time:.4f},0.5,7"


def euroc(time: float, more: str = ",1,2,3,9") -> str:
    return f"{time * 1e9:.0f},{2 * time:.4f},0.5,7,0.8,0,0,0.6{more}"


EUROC = (
    "#timestamp [ns],p_RS_R_x [m],p_RS_R_y [m],p_RS_R_z [m],q_RS_w [],q_RS_x [],q_RS_y [],q_RS_z [],"
    "v_RS_R_x [m s^-1],v_RS_R_y [m s^-1],v_RS_R_z [m s^-1],b_w_RS_S_x [rad s^-1]"
)


def is_plain(flight: Flight, start: float = 0.0) -> Flight:
    flight = checked(flight)
    np.testing.assert_allclose(flight.stamps - start, TIMES, atol=1e-6)
    expected = np.stack([2 * TIMES, 0 * TIMES + 0.5, 0 * TIMES + 7], axis=1)
    np.testing.assert_allclose(flight.position, expected, atol=1e-3)
    return flight


def refused(read: Read, text: str, said: str, **options: Any) -> None:
    with pytest.raises(BuildError, match=said):
        checked(read(text, **options))


def same_attitude(flight: Flight) -> None:
    assert flight.attitude is not None
    np.testing.assert_allclose(flight.attitude, np.tile(TURNED, (len(flight.stamps), 1)), atol=1e-9)


def attitude_in_any_order(read: Read) -> None:
    same_attitude(is_plain(read(table(HEADER + ",qz,qw,qx,qy", lambda t: plain(t) + ",0.6,0.8,0,0"))))
    # Level and facing north is the identity of north, east, down, and a quarter turn from east for us.
    north = read(table(HEADER + ",qx,qy,qz,qw", lambda t: plain(t) + ",0,0,0,1"), frame="ned")
    assert north.attitude is not None
    np.testing.assert_allclose(np.abs(north.attitude[0]), [0.5**0.5, 0, 0, 0.5**0.5], atol=1e-9)


def velocity_with_axes(read: Read) -> None:
    text = table(HEADER + ",vx,vy,vz", lambda t: plain(t) + ",1,2,3")
    for frame, expected in ((None, (1, 2, 3)), ("ned", (2, 1, -3))):
        found = read(text, frame=frame).velocity
        assert found is not None
        np.testing.assert_array_equal(found[0], expected)


def position_with_axes(read: Read) -> None:
    is_plain(read(table(HEADER, plain)))
    np.testing.assert_allclose(read(table(HEADER, plain), frame="ned").position[1], [0.5, 0.1, -7])


def units_of_columns(read: Read) -> None:
    millimetres = "timestamp,tx (mm),ty [mm],tz_mm"
    is_plain(read(table(millimetres, lambda t: f"{t:.3f},{2e3 * t:.1f},500,7000")))
    is_plain(read(table("timestamp,tx_ft,ty,tz", lambda t: f"{t:.3f},{2 * t / 0.3048:.6f},0.5,7")))
    refused(read, table("timestamp,tx (kg),ty,tz", plain), "column 'tx' is in 'kg', which cannot be")
    fast = read(table(HEADER + ",vx (km/h),vy,vz", lambda t: plain(t) + ",36,2,3")).velocity
    assert fast is not None
    np.testing.assert_allclose(fast[0], [10, 2, 3])


def row_of_units(read: Read) -> None:
    is_plain(read(table(HEADER + "\ns,mm,m,m", lambda t: f"{t:.3f},{2e3 * t:.1f},0.5,7")))
    refused(read, table("timestamp,tx (m),ty,tz\ns,mm,m,m", plain), "has the unit 'mm' below it")


def units_behind_numbers(read: Read) -> None:
    is_plain(read(table(HEADER, lambda t: f"{t:.3f} s,{200 * t:.2f} cm,0.5,7 m")))
    refused(read, table(HEADER, plain, (5, "0.25,1,0.5,7 m")), "line 7: tz is '7 m', in m, but '7' in line 2")


def directions(read: Read) -> None:
    north, down = {"tx": "north", "ty": "east", "tz": "down"}, table("timestamp,north,east,down", plain)
    refused(read, down, "'north' is taken for east .* with `frame=ned`", columns=Columns(**north))
    assert read(down, columns=Columns(**north), frame="ned").position[0, 2] == -7
    is_plain(read(table("timestamp,tx,ty,altitude", plain), columns=Columns(tz="altitude")))
    for tz in ("PD", "pos_d", "down_m", "depth"):
        refused(read, table(f"timestamp,tx,ty,{tz}", plain), "taken for up", columns=Columns(tz=tz))
    refused(read, table("timestamp,x_ned,ty,tz", plain), "contradicts", columns=Columns(tx="x_ned"))


def of_airsim(read: Read) -> None:
    header = "TimeStamp,POS_X,POS_Y,POS_Z,Q_W,Q_X,Q_Y,Q_Z"
    columns = {"timestamp": "TimeStamp", "tx": "POS_X", "ty": "POS_Y", "tz": "POS_Z"}
    text = table(header, lambda t: plain(t) + ",1,0,0,0")
    refused(read, text, "north, east, down: say `frame=ned`", columns=Columns(**columns))
    assert read(text, columns=Columns(**columns), frame="ned").position[0, 2] == -7


def of_px4(read: Read) -> None:
    text = table(HEADER + ",xy_valid,z_valid,ref_lat", lambda t: plain(t) + ",1,1,48")
    refused(read, text, "uav/ulog reads .* north, east, down: say `frame=ned`")
    assert read(text, frame="ned").position[0, 2] == -7


def frames_of_ros(read: Read) -> None:
    header = HEADER + ",field.header.frame_id,field.child_frame_id"
    for frame, body in (("map", "base_link"), ("/odom", ""), ("odom", "odom")):
        is_plain(read(table(header, lambda t, end=f",{frame},{body}": plain(t) + end)))
    for frame, body, said in (
        ("odom_ned", "base_link_frd", r"'odom_ned' \(ned\) and 'base_link_frd' \(frd\) .* `frame=ned`"),
        ("base_link", "", "moves with the vehicle, expected a fixed frame"),
    ):
        text = table(header, lambda t, end=f",{frame},{body}": plain(t) + end)
        refused(read, text, said)
        np.testing.assert_allclose(read(text, frame="ned").position[1], [0.5, 0.1, -7])
    mixed = table(header, lambda t: plain(t) + ",map,", (7, plain(0.35) + ",odom,"))
    refused(read, mixed, r"names 2 frames \(map, odom\)")


def several_vehicles(read: Read) -> None:
    one = table(HEADER + ",VehicleName", lambda t: plain(t) + ",A")
    is_plain(read(one))
    refused(read, one.replace(",A", ",B", 3), r"holds 2 vehicles \(A, B\)")


def degrees(read: Read) -> None:
    text = table("timestamp,longitude,lat,alt", plain)
    refused(read, text, "degrees found .*, expected metres")
    named = Columns(tx="longitude", ty="lat", tz="alt")
    refused(read, text, r"degrees found \(longitude, lat\), expected metres", columns=named)


def missing_cells(read: Read) -> None:
    text = table(
        HEADER + ",vx,vy,vz",
        lambda t: plain(t) + ",1,,N/A",
        (3, "nan,1,1,1"),
        (4, "0.2,inf,1,1"),
        (5, ",,,"),
        (6, "0.3,1"),
    )
    flight = checked(read(text))
    assert flight.left_out == {"without a stamp": 1, "without a position": 2}
    assert flight.velocity is None


def repeated_stamps(read: Read) -> None:
    flight = checked(read(table(HEADER, plain, (3, "0.1,9,9,9"), (5, plain(0.2)))))
    assert flight.left_out == {"with the stamp of the one before and another position": 1}
    assert len(flight.stamps) == len(TIMES) - 2
    assert "1 repeated samples were dropped" in flight.remarks[0]


def order(read: Read) -> None:
    swapped = table(HEADER, plain, (3, plain(0.2)), (4, plain(0.15)), (9, "nan,1,1,1"))
    flight = read(swapped)
    assert flight.remarks == (f"{flight.source}: 1 samples came after later ones and were put in order",)
    assert (np.diff(checked(flight).stamps) > 0).all()
    header, *rows = table(HEADER, plain).splitlines()
    is_plain(read("\n".join([header, *rows[::-1]])))
    twice = [*rows, "nan,1,1,1", *rows]
    refused(read, "\n".join([header, *twice]), "line 63: the stamp 0 s .* another recording seems to begin")


def tum_order(read: Read) -> None:
    assert "put in order" in is_plain(read(table("", tum, (3, tum(0.2)), (4, tum(0.15))))).remarks[0]
    rows = table("", tum)
    refused(read, f"{rows}\n{rows}", "another recording seems to begin there")


def lengths(read: Read) -> None:
    def turned(t: float) -> str:
        return plain(t) + ",0,0,0.6,0.8"

    header = HEADER + ",qx,qy,qz,qw"
    flight = checked(read(table(header, turned, (3, plain(0.15) + ",0,0,0,3"))))
    assert flight.left_out == {"whose quaternion has not the length 1": 1}
    refused(read, table(header, turned).replace("0.6,0.8", "6,8"), "has length 10, .* `attitude=false`")


def zero_quaternion(read: Read) -> None:
    text = table(HEADER + ",qx,qy,qz,qw", lambda t: plain(t) + ",0,0,0,0")
    assert is_plain(read(text)).attitude is None


def comments(read: Read) -> None:
    is_plain(read(table("# by hand\n#timestamp,tx,ty,tz", plain, (3, "# pause\n" + plain(0.15)))))
    is_plain(read(table("%timestamp tx ty tz", lambda t: plain(t).replace(",", " "))))
    is_plain(read(table("# in mm\n" + HEADER, plain)))


def signs(read: Read) -> None:
    def german(t: float) -> str:
        return plain(t).replace(",", ";").replace(".", ",")

    text = table(HEADER.replace(",", ";"), german)
    is_plain(read(text))
    is_plain(read(text, separator="semicolon", decimal="comma"))
    refused(
        read, text.replace(";7", ";1.007,5"), "'1.007,5', expected a number with a decimal comma and no thou"
    )


def encodings(read: Read) -> None:
    header = HEADER + ",Höhe"
    is_plain(read(table(header, plain), encoded="utf-16"))
    assert "read as cp1252" in is_plain(read(table(header, plain), encoded="latin-1")).remarks[0]
    refused(read, table(HEADER + ",año", plain), "byte 0xf1 .* `encoding=cp1252`", encoded="latin-1")
    is_plain(read(table(HEADER + ",año", plain), encoded="latin-1", encoding="cp1252"))


def clock(read: Read) -> None:
    text = table(HEADER, lambda t: f"00:00:{t:06.3f}," + plain(t).partition(",")[2])
    assert "clock of a day" in is_plain(read(text)).remarks[0]


def stamps_in_another_unit(read: Read) -> None:
    header = HEADER.replace("timestamp", "timestamp [ms]")

    def milliseconds(t: float) -> str:
        return f"{1e3 * t:.0f}," + plain(t).partition(",")[2]

    is_plain(read(table(header, milliseconds)))
    refused(read, table(header, milliseconds), "but `time_unit=us` is said", time_unit="us")
    refused(read, table(HEADER, milliseconds), "say `time_unit=ms`")


CSV: dict[str, Callable[[Read], object]] = {
    "column `timestamp`": lambda read: is_plain(read(table(HEADER, plain), time_unit="s")),
    "date in `timestamp` (ISO 8601)": lambda read: is_plain(
        read(table(HEADER, lambda t: f"1970-01-01T00:00:{t:06.3f}Z," + plain(t).partition(",")[2]))
    ),
    "clock of the day in `timestamp`": clock,
    "unit of `timestamp` in the header": stamps_in_another_unit,
    "columns `tx`, `ty`, `tz`": position_with_axes,
    "columns `qx`, `qy`, `qz`, `qw`": attitude_in_any_order,
    "columns `vx`, `vy`, `vz`": velocity_with_axes,
    "unit of a column: `tx (mm)`, `tx [mm]`, `tx_ft`": units_of_columns,
    "row of units below the header": row_of_units,
    "unit behind a number: `5 m`": units_behind_numbers,
    "direction in a name: `north`, `down`, `ned`, `PD`, `depth`": directions,
    "columns `frame_id`, `child_frame_id` of ROS": frames_of_ros,
    "header of AirSim: `TimeStamp`, `POS_X`, `Q_W`": of_airsim,
    "header of PX4's `vehicle_local_position`": of_px4,
    "column `VehicleName`": several_vehicles,
    "columns of degrees: `latitude`, `lon`": degrees,
    "cell that is empty, `nan`, `N/A`": missing_cells,
    "stamps out of order": order,
    "stamp that comes twice": repeated_stamps,
    "quaternion of length 0": zero_quaternion,
    "quaternion of another length than 1": lengths,
    "comment behind `#` or `%`": comments,
    "line `sep=;`": lambda read: is_plain(
        read("sep=;\n" + table(HEADER, plain).replace(",", ";")),
    ),
    "separator and decimal comma": signs,
    "encoding": encodings,
    "names of columns in another case": lambda read: is_plain(read(table("Timestamp,TX,Ty,tZ", plain))),
    "other columns": lambda read: is_plain(
        read(table("mode," + HEADER + ",roll_deg", lambda t: f"AUTO,{plain(t)},7"))
    ),
}


def tum(time: float, sign: str = " ") -> str:
    return sign.join([*plain(time).split(","), "0", "0", "0.6", "0.8"])


def numbers_of_tum(read: Read) -> None:
    for sign in (" ", "\t", ",", ";", "  "):
        same_attitude(is_plain(read(table("", lambda t, sign=sign: tum(t, sign)))))


def lost_at_first(read: Read) -> None:
    for cell in ("nan", "-inf"):
        flight = checked(read(table("", tum, (0, f"0.0 {cell} nan nan 0 0 0.6 0.8"))))
        assert flight.left_out == {"without a position": 1}
        same_attitude(flight)


def order_of_tum(read: Read) -> None:
    def scalar_first(t: float) -> str:
        return " ".join([*plain(t).split(","), "0.8", "0", "0", "0.6"])

    for header in ("timestamp tx ty tz qw qx qy qz", "# by hand\n# time p_x p_y p_z q_w q_x q_y q_z"):
        same_attitude(is_plain(read(table(header, scalar_first))))
    is_plain(
        read(table("# t[ns] x[mm] y z qx qy qz qw", lambda t: f"{1e9 * t:.0f} {2e3 * t:.1f} 0.5 7 0 0 0 1"))
    )
    refused(read, table("# t x y z w i j k", tum), "names its columns t, x, y, z, w, i, j, k")


def short_line(read: Read) -> None:
    flight = checked(read(table("", tum, (5, "0.25 1 0.5"))))
    assert flight.left_out == {"without a stamp": 1}


def other_stamps(read: Read) -> None:
    text = table("", lambda t: f"{1e3 * t:.0f} " + tum(t).partition(" ")[2])
    refused(read, text, "say `time_unit=ms`")
    is_plain(read(text, time_unit="ms"))


def kitti(read: Read) -> None:
    text = table("", lambda t: f"1 0 0 {2 * t} 0 1 0 0 0 0 1 7")
    refused(read, text, "holds 12 numbers a line, as poses of KITTI, which have no stamps")


def velocity_of_euroc(read: Read) -> None:
    found = is_plain(read(table(EUROC, euroc))).velocity
    assert found is not None
    np.testing.assert_array_equal(found[0], [1, 2, 3])


def tum_lengths(read: Read) -> None:
    flight = checked(read(table("", tum, (3, tum(0.15).replace("0.8", "3")))))
    assert flight.left_out == {"whose quaternion has not the length 1": 1}
    refused(read, table("", tum).replace("0.6 0.8", "6 8"), "has length 10, .* `attitude=false`")


def tum_repeated(read: Read) -> None:
    flight = checked(read(table("", tum, (3, "0.1 9 9 9 0 0 0 1"), (5, tum(0.2)))))
    assert flight.left_out == {"with the stamp of the one before and another position": 1}
    assert "1 repeated samples were dropped" in flight.remarks[0]


def tum_encodings(read: Read) -> None:
    is_plain(read(table("# Höhe", tum), encoded="utf-16"))
    assert "read as cp1252" in is_plain(read(table("# Höhe", tum), encoded="latin-1")).remarks[0]
    is_plain(read(table("# año", tum), encoded="latin-1", encoding="cp1252"))


def tum_signs(read: Read) -> None:
    text = table("", lambda t: tum(t).replace(".", ","))
    is_plain(read(text))
    is_plain(read(text, separator="space", decimal="comma"))


TUM: dict[str, Callable[[Read], object]] = {
    "TUM: the 8 numbers of a line": numbers_of_tum,
    "TUM: lines of 4 numbers": lambda read: is_plain(read(table("", lambda t: plain(t).replace(",", " ")))),
    "TUM: header or comment that names the columns": order_of_tum,
    "TUM: other comments": lambda read: is_plain(read(table("# the flight of the year 2011 in mm", tum))),
    "TUM: line with fewer numbers": short_line,
    "TUM: `nan` and `inf`": lost_at_first,
    "EuRoC: `#timestamp`": lambda read: is_plain(read(table(EUROC.replace(" [ns]", "", 1), euroc))),
    "EuRoC: `p_RS_R_x`, `p_RS_R_y`, `p_RS_R_z`": lambda read: is_plain(
        read(
            table(
                EUROC.replace("p_RS_R_x [m]", "p_RS_R_x [mm]"),
                lambda t: euroc(t).replace(f",{2 * t:.4f}", f",{2e3 * t:.1f}", 1),
            )
        )
    ),
    "EuRoC: `q_RS_w`, `q_RS_x`, `q_RS_y`, `q_RS_z`": lambda read: same_attitude(read(table(EUROC, euroc))),
    "EuRoC: `v_RS_R_x`, `v_RS_R_y`, `v_RS_R_z`": velocity_of_euroc,
    "EuRoC: `b_w_RS_S_x` and other columns": lambda read: is_plain(
        read(table(EUROC, lambda t: euroc(t, ",1,2,3,none")))
    ),
    "stamps in another unit": other_stamps,
    "stamps out of order": tum_order,
    "stamp that comes twice": tum_repeated,
    "quaternion of another length than 1": tum_lengths,
    "poses of KITTI: 12 numbers a line": kitti,
    "table of CSV with other names": lambda read: refused(
        read, table(HEADER, plain), "names its columns timestamp, tx, ty, tz, .* uav/csv reads tables"
    ),
    "separator and decimal comma": tum_signs,
    "encoding": tum_encodings,
}


@pytest.mark.parametrize(
    ("recipe", "field"), [(name, field) for name in ("uav/csv", "uav/tum") for field in fields(name)]
)
def test_each_field_is_treated_as_the_card_says(recipe: str, field: str, tmp_path: Path) -> None:
    examples, reader = (CSV, read_csv) if recipe == "uav/csv" else (TUM, read_tum)

    def read(text: str, encoded: str = "utf-8", **options: Any) -> Flight:
        (tmp_path / "a.csv").write_bytes(text.encode(encoded))
        (flight,) = reader(tmp_path / "a.csv", **options)
        return flight

    examples[field](read)


def test_no_example_is_left_over() -> None:
    assert set(CSV) == set(fields("uav/csv"))
    assert set(TUM) == set(fields("uav/tum"))
