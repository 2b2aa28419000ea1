"""What the card of `radio/drive_test` says of each field of its files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.datasets.cards import fields
from tests.datasets.radio.drives import (
    LATITUDE,
    LONGITUDE,
    MAST,
    READINGS,
    RSRP,
    WINDOW,
    Drive,
    position,
    row,
    stamp,
    text,
)

COLUMNS = {"latitude": "lat", "longitude": "lon", "rsrp": "RSRP"}
EXAMPLES: dict[str, Callable[[Drive], None]] = {}
Example = Callable[[Drive], None]


def of(field: str) -> Callable[[Example], Example]:
    """Register the example of a row of the card."""

    def register(example: Example) -> Example:
        EXAMPLES[field] = example
        return example

    return register


@pytest.mark.parametrize("field", fields("radio/drive_test"))
def test_card_is_right_about_each_field(field: str, tmp_path: Path) -> None:
    EXAMPLES[field](Drive(tmp_path))


def test_no_example_is_of_a_field_that_the_card_lacks() -> None:
    assert set(EXAMPLES) == set(fields("radio/drive_test"))


def with_cells(extra: Callable[[int], str], header: str = "pci") -> str:
    return text(f"lat,lon,RSRP,{header}", lambda number: f"{row(number)},{extra(number)}")


@of("header line")
def _(drive: Drive) -> None:
    log = f"Drive 7\nPhone: Pixel\n{text('Lat (deg),LON,rsrp [dBm]')}"
    assert drive.said(log) == drive.said(text())


@of("name that stands twice")
def _(drive: Drive) -> None:
    log = text("lat,lon,RSRP,RSRP", lambda number: f"{row(number)},{RSRP[number] + 20:.1f}")
    assert "drive.csv has 2 columns 'RSRP'; choose one by its position, `columns: {rsrp: 3}` or" in (
        drive.refused(log)
    )
    assert drive.said(log, columns=COLUMNS | {"rsrp": 3}) == drive.said(text())
    other = drive.said(log, columns=COLUMNS | {"rsrp": 4})
    assert other.mean == pytest.approx(drive.said(text()).mean + 20.0)
    assert "has 4 columns, `columns: {rsrp: 5}` asks for another" in drive.refused(
        log, columns=COLUMNS | {"rsrp": 5}
    )


@of("encoding, separator, decimal comma")
def _(drive: Drive) -> None:
    log = text("lat;lon;RSRP", lambda number: row(number).replace(",", ";").replace(".", ","))
    assert drive.said(log.encode("utf-16")) == drive.said(text())
    stated = {"encoding": "cp1252", "separator": "semicolon", "decimal": "comma"}
    assert drive.said(log, **stated) == drive.said(text())


@of("latitude, longitude")
def _(drive: Drive) -> None:
    def line(number: int) -> str:
        found = []
        for degrees, letter in ((LATITUDE[number], "N"), (LONGITUDE[number], "E")):
            minutes = degrees % 1 * 60
            found.append(f"{int(degrees)}°{int(minutes)}'{minutes % 1 * 60:.5f}\"{letter}")
        return ";".join((*found, f"{RSRP[number]:.0f}"))

    assert drive.said(text("lat;lon;RSRP", line)).mean == pytest.approx(drive.said(text()).mean, abs=0.01)


@of("positions written otherwise")
def _(drive: Drive) -> None:
    some = text(line=lambda n: row(n) if n % 3 else f"{LONGITUDE[n]},{LATITUDE[n]},{RSRP[n]}")
    message = drive.refused(some, leave_out=["outside"])
    assert "100 of 300 readings lie outside the window, such as line 2" in message
    assert "latitude and longitude are swapped" in message


@of("rows without position")
def _(drive: Drive) -> None:
    rows = {3: ",,-80", 4: "no fix,11.5,-80", 5: "0.0,0.0,-80"}
    assert drive.said(text(line=lambda number: rows.get(number) or row(number))).left_out == {
        "without position": 1,
        "with a latitude that is no number": 1,
        "without position (0, 0)": 1,
    }


@of("positions outside the window")
def _(drive: Drive) -> None:
    def log(share: int) -> str:
        return text(line=lambda n: row(n) if n % share else f"{LATITUDE[n] + 0.01},{LONGITUDE[n]},-80")

    assert "100 of 300 readings lie outside the window" in drive.refused(log(3))
    assert drive.said(log(3), leave_out=["outside"]).left_out == {"outside the window": 100}
    message = drive.refused(log(3), leave_out=["outside"], most_outside=0.3)
    assert "(33.3%), at most 30% expected" in message
    assert "`most_outside=0.34`" in message
    assert drive.said(log(3), leave_out=["outside"], most_outside=0.34).readings == 200


@of("RSRP")
def _(drive: Drive) -> None:
    milliwatts = text("lat,lon,RSRP [mW]", lambda n: f"{position(n)},{10 ** (RSRP[n] / 10):.9g}")
    assert drive.said(milliwatts).mean == pytest.approx(drive.said(text()).mean)
    assert drive.said(text(line=lambda number: f"{row(number)} dBm")) == drive.said(text())
    message = drive.refused(text("lat,lon,RSRP (dBµV/m)"), columns=COLUMNS | {"rsrp": "RSRP (dBµV/m)"})
    assert "is in 'dBµV/m', expected a power" in message
    for same in ("RSRP [dBm/15 kHz]", "RSRP [dBmW]"):
        assert drive.said(text(f"lat,lon,{same}"), columns=COLUMNS | {"rsrp": same}) == drive.said(text())
    message = drive.refused(text("lat,lon,RSRP (dB)"))
    assert "column 'RSRP (dB)' is in 'dB', expected a power such as dBm" in message
    assert drive.said(text("lat,lon,RSRP (dB)"), quantity="rsrp") == drive.said(text())


@of("rows without RSRP")
def _(drive: Drive) -> None:
    odd = {1: "", 2: "no signal", 3: "good", 4: "2147483647", 5: "-999", 6: "0", 7: "-10"}
    log = text(line=lambda number: f"{position(number)},{odd.get(number, f'{RSRP[number]:.0f}')}")
    found = drive.said(log)
    assert found.left_out == {
        "without RSRP": 2,
        "with an RSRP that is no number": 1,
        "without RSRP (-999)": 1,
        "without RSRP (0)": 1,
        "without RSRP (2147483647)": 1,
        "with an RSRP outside -156 to -25 dBm": 1,
    }
    many = text(line=lambda number: row(number) if number % 4 else f"{position(number)},")
    message = drive.refused(many)
    assert "75 of 300 readings (25.0%) cannot be used: 75 without RSRP (first: drive.csv, line 2)" in message
    assert drive.said(many, most_left_out=0.25).readings == 225


@of("a lowest value far below all others")
def _(drive: Drive) -> None:
    log = text(line=lambda number: row(number) if number % 50 else f"{position(number)},-150")
    assert "6 readings are exactly -150 dBm" in drive.said(log).warnings[0]


@of("another quantity by name")
def _(drive: Drive) -> None:
    for name, quantity in {
        "RSSI": "RSSI",
        "LTE RSRQ [dB]": "RSRQ",
        "rsSnr": "SINR",
        "CQI": "CQI",
        "TA": "timing advance",
        "RSCP": "RSCP",
        "RxLev": "RXLEV",
    }.items():
        log, columns = text(f"lat,lon,{name}"), COLUMNS | {"rsrp": name}
        message = drive.refused(log, columns=columns)
        assert f"the column '{name}' is {quantity}" in message
        assert "`quantity: rsrp`" in message
        assert drive.said(log, columns=columns, quantity="rsrp") == drive.said(text())


@of("another scale or code")
def _(drive: Drive) -> None:
    cases: tuple[tuple[Callable[[float], float], str], ...] = (
        (lambda power: power + 140.0, "LTE, 3GPP TS 36.133, table 9.1.4-1: dBm = index - 140"),
        (lambda power: power + 156.0, "NR, TS 38.133, table 10.1.6.1-1: dBm = index - 156"),
        (lambda power: 10.0 * power, "tenths of a dBm"),
        (lambda power: 100.0 * power, "hundredths of a dBm"),
        (lambda power: 0.5 - power, "is the sign missing?"),
        (lambda power: power / 9.0, "RSRQ or SINR"),
    )
    for changed, cause in cases:
        message = drive.refused(text(line=lambda n, change=changed: f"{position(n)},{change(RSRP[n]):.10g}"))
        assert cause in message
        assert "drive.csv, line 2: RSRP is" in message


@of("cell")
def _(drive: Drive) -> None:
    columns = COLUMNS | {"cell": "pci"}
    log = with_cells(lambda _: "101.0")
    assert drive.said(log, columns=columns, cells={101: MAST}) == drive.said(text())
    message = drive.refused(with_cells(lambda _: "1.23457E+08"), columns=columns)
    assert "the cell is '1.23457E+08', a number whose digits a spreadsheet has dropped" in message


@of("rows of other cells")
def _(drive: Drive) -> None:
    columns = COLUMNS | {"cell": "pci"}
    log = with_cells(lambda number: "7" if number % 3 == 0 else "101" if number % 50 else "")
    assert "readings of cells that are not described: 7 (100), where 101 are" in drive.refused(
        log, columns=columns
    )
    found = drive.said(log, columns=columns, leave_out=["other_cells"]).left_out
    assert found["of another cell"] == 100
    assert found["without cell"] == sum(number % 50 == 0 and number % 3 > 0 for number in range(READINGS))


@of("device")
def _(drive: Drive) -> None:
    log = with_cells(lambda number: "Pixel" if number % 2 else "Galaxy", "phone")
    columns = COLUMNS | {"device": "phone"}
    recipe = drive.recipe(log, columns=columns)
    assert [each.name for each in recipe._measurements] == ["101 Galaxy", "101 Pixel"]
    found = drive.said(log, columns=columns, devices=["Pixel"])
    assert found.left_out == {"of another device": 150}


@of("other columns")
def _(drive: Drive) -> None:
    log = with_cells(lambda n: f"{'Alpha' if n % 2 else 'Beta'},{1300 if n % 3 else 6300}", "operator,EARFCN")
    both = drive.said(log, where={"operator": "alpha", "EARFCN": 1300})
    assert both.readings == both.left_out["of another EARFCN"] * 2 == 100
    assert not both.warnings
    assert drive.said(log, where={"operator": ["Alpha", "Beta"]}).readings == READINGS
    assert "Did you mean 'Alpha'? Values: Alpha (150), Beta (150)" in drive.refused(
        log, where={"operator": "Alpa"}
    )
    assert "at least 1 item" in drive.refused(log, where={"operator": []})
    assert "no column 'operater'" in drive.refused(log, where={"operater": "Alpha"})


def mixed(drive: Drive, header: str, values: tuple[str, str], **changes: object) -> str:
    """Return the one warning about a column of which every third reading has another value."""
    log = with_cells(lambda number: values[number % 3 == 0], header)
    (warning,) = drive.said(log, **changes).warnings
    return warning


@of("operator, MCC, MNC, PLMN")
def _(drive: Drive) -> None:
    for header in ("operator", "MNC", "PLMN", "Operatorname", "provider"):
        warning = mixed(drive, header, ("Alpha", "Beta"))
        assert f"several operators: column '{header}' has Alpha (200), Beta (100)" in warning
        assert f"`where: {{{header}: Alpha}}`" in warning
    assert "column 'MCC'" in mixed(drive, "MCC", ("262", "232"))


@of("technology")
def _(drive: Drive) -> None:
    log = with_cells(lambda number: "LTE" if number % 3 else "HSPA+", "NetworkTech")
    message = drive.refused(log)
    assert "100 readings are of HSPA+ (100) by the column 'NetworkTech'" in message
    assert "`where: {NetworkTech: [LTE]}`" in message
    assert drive.said(log, where={"NetworkTech": ["LTE"]}).left_out == {"of another NetworkTech": 100}
    assert drive.said(log, quantity="rsrp").readings == READINGS
    assert "several technologies" in mixed(drive, "NetworkTech", ("LTE", "5G"))


@of("EARFCN, NR-ARFCN, frequency")
def _(drive: Drive) -> None:
    for header, value, megahertz in (
        ("EARFCN", 6300, 806),
        ("NR-ARFCN", 650000, 3750),
        ("Frequency (MHz)", 2140, 2140),
    ):
        (warning,) = drive.said(with_cells(lambda _, value=value: str(value), header)).warnings
        assert f"column '{header}' says {value}, {megahertz} MHz, of cell '101'" in warning
        assert "frequency_hz is 1815 MHz" in warning
    for value in ("1300", "19300", "-1", "n/a"):  # the carrier, its uplink, and no channel
        assert not drive.said(with_cells(lambda _, value=value: value, "EARFCN")).warnings
    assert "several carriers" in mixed(drive, "EARFCN", ("1300", "6300"))


@of("band, beam, device without a key, `neighboring`, `servingCell`")
def _(drive: Drive) -> None:
    for header, serving in (("neighboring", "false"), ("servingCell", "true"), ("isRegistered", "true")):
        warning = mixed(drive, header, ("false", "true"))
        assert "several cells, serving and neighbouring" in warning
        assert f'`where: {{{header}: "{serving}"}}`' in warning
    assert "several bands" in mixed(drive, "Band", ("B3", "B20"))
    assert "several beams" in mixed(drive, "SSB Index", ("0", "1"))
    warning = mixed(drive, "IMEI", ("35", "36"))
    assert "several devices" in warning
    assert "`columns: {device: IMEI}`" in warning


@of("ECI, CGI, PCI, site")
def _(drive: Drive) -> None:
    for header in ("ECI", "CGI", "PCI", "eNodeB ID", "site"):
        assert f"several cells: column '{header}'" in mixed(drive, header, ("11", "12"))


@of("neighbouring cells")
def _(drive: Drive) -> None:
    log = text("lat,lon,Neighbor Cell RSRP (dBm)[1],PCI", lambda number: f"{row(number)},101")
    columns = COLUMNS | {"rsrp": "Neighbor Cell RSRP (dBm)[1]", "cell": "PCI"}
    assert "one is of a neighbouring cell by its name" in drive.said(log, columns=columns).warnings[0]


@of("time")
def _(drive: Drive) -> None:
    def log(change: float) -> str:
        def line(number: int) -> str:
            again, first = divmod(number, READINGS)
            return f"{position(first)},{RSRP[first] + again * change:.0f},{stamp(first)}"

        return text("lat,lon,RSRP,Time", line, range(READINGS + 50))

    assert drive.said(log(0.0)) == drive.said(text())._replace(left_out={"repeated": 50})
    assert drive.said(log(0.0), repetitions="keep").readings == READINGS + 50
    found = drive.said(log(3.0))
    assert not found.left_out
    assert (
        "50 readings have time, cell and device of another one but not its RSRP, such as line 302, as line 2"
        in (found.warnings[0])
    )
    for coarse in ("2024-06-01", "01.06.2024", "20240601", "12:13", "1.6.24 12:13"):
        days = text("lat,lon,RSRP,Time", lambda n, day=coarse: f"{row(n % 60)},{day}")
        assert not drive.said(days).left_out, coarse
    for fine in (
        "12:13:14",
        "2024.06.01_12.13.14",
        "2024-06-01T12:13:14Z",
        "1700000000123",
        "20240601 121314",
    ):
        moments = text("lat,lon,RSRP,Time", lambda n, moment=fine: f"{row(n % 60)},{moment}")
        assert drive.said(moments).left_out == {"repeated": 240}, fine
    unnamed = log(0.0).replace("Time", "when")
    assert drive.said(unnamed).readings == READINGS + 50
    assert drive.said(unnamed, columns=COLUMNS | {"time": "when"}).readings == READINGS


@of("several files")
def _(drive: Drive) -> None:
    halves = [drive.folder / f"part{number}.csv" for number in (1, 2)]
    halves[0].write_text(text(numbers=range(100)))
    halves[1].write_text(text(numbers=range(100, READINGS)))
    together = drive.said("", measurements=[str(path) for path in halves])
    assert together == drive.said("", measurements=str(drive.folder / "part*.csv")) == drive.said(text())
    message = drive.refused(
        text("lat,lon,RSRP,x"), measurements=[str(halves[0]), str(drive.folder / "drive.csv")]
    )
    assert "drive.csv has other columns than part1.csv (x)" in message
    (drive.folder / "copy.csv").write_text(halves[0].read_text())
    message = drive.refused("", measurements=[str(halves[0]), str(drive.folder / "copy.csv")])
    assert "two files of copy.csv, part1.csv have the same content" in message


@of("digits of positions")
def _(drive: Drive) -> None:
    log = text(line=lambda n: f"{LATITUDE[n]:.4f},{LONGITUDE[n]:.4f},{RSRP[n]}")
    (warning,) = drive.said(log, leave_out=["outside"]).warnings
    assert (
        "all positions are rounded to 0.0001 degrees, 11.1 m, where the cells of the map are 4 m" in warning
    )
    coarse = {"cell_size": 16, "buildings": raster(drive, np.zeros((16, 16)))}
    assert not drive.said(log, leave_out=["outside"], **coarse).warnings


@of("accuracy")
def _(drive: Drive) -> None:
    log = with_cells(lambda number: "4" if number % 3 else "120.5", "accuracy")
    (warning,) = drive.said(log).warnings
    assert "100 readings are more than 50 m uncertain by the column 'accuracy'" in warning


@of("altitude, speed, flags and the like")
def _(drive: Drive) -> None:
    log = with_cells(lambda number: f"{500 + number},{number % 9},{number % 2 > 0}", "altitude,speed,valid")
    assert drive.said(log) == drive.said(text())
    assert drive.said(log, where={"valid": True}).readings == READINGS / 2


def raster(drive: Drive, heights: np.ndarray) -> str:
    np.save(drive.folder / "other.npy", heights)
    return str(drive.folder / "other.npy")


@of("raster of buildings")
def _(drive: Drive) -> None:
    heights = np.zeros((64, 64))
    heights[3, 5] = 12.0
    recipe = drive.recipe(text(), buildings=raster(drive, heights))
    assert recipe._heights[60, 5] == 12.0
    for wrong, cause in (
        (np.where(heights > 0, 1, 0), "only 0 and 1, a mask"),
        (heights + 520.0, "altitudes of the surface"),
        (100.0 * heights, "1200, higher than any building; they may be cm"),
        (heights[:50, :50], "`window_size=200` if its cells are 4 m wide, or `cell_size=5.12`"),
        (np.where(heights > 0, heights, -9999.0), "4095 negative down to -9999"),
    ):
        assert cause in drive.refused(text(), buildings=raster(drive, wrong))


@of("GeoTIFF")
def _(drive: Drive) -> None:
    path = drive.folder / "heights.tif"
    path.write_bytes(b"II*\x00" + bytes(60))
    message = drive.refused(text(), buildings=str(path))
    assert "gdalwarp -t_srs EPSG:32632 -te 691567.326 5334734.330 691823.326 5334990.330 -ts 64 64" in message


@of("map of footprints")
def _(drive: Drive) -> None:
    from tests.datasets.radio.test_site_window import write_block

    write_block(drive.folder / "map.geojson", WINDOW)
    assert drive.recipe(text(), buildings=str(drive.folder / "map.geojson"))._heights.max() == 18.0
