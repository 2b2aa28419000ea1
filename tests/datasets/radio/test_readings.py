"""Readings of a CSV file."""

from pathlib import Path

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.radio.readings import Columns, mean_power, read_readings

HEADER = "latitude,longitude,rsrp"


def refused(folder: Path, *lines: str, columns: Columns | None = None) -> str:
    path = folder / "walk.csv"
    path.write_text("\n".join(lines) + "\n" if lines else "")
    with pytest.raises(BuildError) as caught:
        read_readings(path, columns or Columns())
    message = str(caught.value)
    assert "\n" not in message
    assert "walk.csv" in message
    return message


def test_columns_are_found_by_their_names_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text("phone,RSRP (dBm),lat,lon\nPixel,-101.5,36.0,-78.9\nS22, -99 ,36.1,-78.8\n")
    columns = Columns(latitude="lat", longitude="lon", rsrp="RSRP (dBm)", device="phone")
    readings = read_readings(path, columns)
    assert readings.rsrp.tolist() == [-101.5, -99.0]
    assert readings.latitude.tolist() == [36.0, 36.1]
    assert readings.device.tolist() == ["Pixel", "S22"]
    assert readings.cell.tolist() == ["", ""]
    assert readings.line.tolist() == [2, 3]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_text_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "walk.csv"
    path.write_text("Gerät,latitude,longitude,rsrp\nZürich,36.0,-78.9,-101.5\n", encoding=encoding)
    named = encoding if encoding == "cp1252" else None
    readings = read_readings(path, Columns.model_validate({"device": "Gerät"}), named)
    assert readings.device.tolist() == ["Zürich"]
    assert readings.rsrp.tolist() == [-101.5]


def test_another_encoding_and_another_format_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text(f"Gerät,{HEADER}\n1,36,-78,-100\n", encoding="latin-1")
    with pytest.raises(BuildError, match=r"walk\.csv, line 1: the byte 0xe4 .* such as `encoding=cp1252`"):
        read_readings(path, Columns())
    np.save(tmp_path / "walk.npy", np.zeros(3))
    with pytest.raises(BuildError, match=r"walk\.npy is a NumPy array \(\.npy\), expected a CSV file"):
        read_readings(tmp_path / "walk.npy", Columns())


def test_readings_of_a_cell_are_averaged_in_linear_power() -> None:
    mean, count = mean_power(
        np.array([-100.0, -110.0, -90.0]), np.array([1, 1, 0]), np.array([2, 2, 0]), cells=3
    )
    assert mean[1, 2] == pytest.approx(10 * np.log10((1e-10 + 1e-11) / 2))
    assert mean[0, 0] == pytest.approx(-90.0)
    assert count.sum() == 3
    assert np.isnan(mean).sum() == 7


def test_an_empty_file_and_one_without_readings_are_refused(tmp_path: Path) -> None:
    assert "is empty; expected a header line with latitude, longitude, rsrp" in refused(tmp_path)
    assert "has a header but no reading" in refused(tmp_path, HEADER)


def test_a_missing_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    message = refused(tmp_path, "latitude,longitude,rsrp_dbm", "36,-78,-100")
    assert "no column 'rsrp'" in message
    assert "Did you mean 'rsrp_dbm'?" in message
    assert "`columns: {rsrp: ...}`" in message


@pytest.mark.parametrize("sign", [";", "\t"])
def test_another_separator_than_the_comma_is_named(tmp_path: Path, sign: str) -> None:
    message = refused(tmp_path, HEADER.replace(",", sign), f"36{sign}-78{sign}-100")
    assert f"separates its columns by {sign!r}" in message


@pytest.mark.parametrize("bad", ["", "nan", "n/a", "-1O0"])
def test_what_is_no_number_is_refused_with_its_line(tmp_path: Path, bad: str) -> None:
    message = refused(tmp_path, HEADER, "36,-78,-100", f"36,-78,{bad}", "36,-78,-99", f"36,-78,{bad}")
    assert f"line 3: rsrp is '{bad}', expected a number" in message
    assert "these 2 lines" in message


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ("100 98 101", "is the sign missing"),
        ("40 42 44", "percent or ASU"),
        ("-10000 -9950 -11020", "hundredths of a dBm"),
        ("-11 -9.5 -14", "RSRQ or SINR in dB"),
        ("-100 -101 -175", "remove readings that no phone reports"),
    ],
)
def test_rsrp_in_another_unit_or_sign_is_refused_with_a_guess(tmp_path: Path, values: str, hint: str) -> None:
    message = refused(tmp_path, HEADER, *(f"36,-78,{value}" for value in values.split()))
    assert hint in message
    assert "expected dBm between -160 and -25" in message


def test_positions_that_are_no_degrees_are_refused(tmp_path: Path) -> None:
    message = refused(tmp_path, HEADER, "3985000,685000,-100")
    assert "line 2: the latitude is 3.985e+06, expected degrees within +-90" in message
    assert "line 2: the longitude is 196" in refused(tmp_path, HEADER, "60,196,-100")
