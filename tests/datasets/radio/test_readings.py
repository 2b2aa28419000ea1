"""Readings of CSV files."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from datasets.factory.errors import BuildError
from datasets.radio.log_rows import Columns, read_rows
from datasets.radio.readings import Readings, names_of, read_positions, read_rsrp
from datasets.radio.sieve import Sieve, counted, flow

HEADER = "latitude,longitude,rsrp"


def read(path: Path, columns: Columns | None = None, encoding: str | None = None) -> tuple[Readings, Sieve]:
    rows = read_rows([path], columns or Columns(), encoding)
    sieve = Sieve.of(rows)
    return Readings(*read_positions(sieve), read_rsrp(sieve, None), *names_of(rows)), sieve


def refused(folder: Path, *lines: str, columns: Columns | None = None) -> str:
    path = folder / "walk.csv"
    path.write_text("\n".join(lines) + "\n" if lines else "")
    with pytest.raises(BuildError) as caught:
        read(path, columns)
    message = str(caught.value)
    assert "\n" not in message
    assert "walk.csv" in message
    return message


def test_columns_are_found_by_their_names_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text("phone,RSRP (dBm),lat,lon\nPixel,-101.5,36.0,-78.9\nS22, -99 ,36.1,-78.8\n")
    columns = Columns(latitude="lat", longitude="lon", rsrp="RSRP (dBm)", device="phone")
    readings, sieve = read(path, columns)
    assert readings.rsrp.tolist() == [-101.5, -99.0]
    assert readings.latitude.tolist() == [36.0, 36.1]
    assert readings.device.tolist() == ["Pixel", "S22"]
    assert readings.cell.tolist() == ["", ""]
    assert sieve.rows.line.tolist() == [2, 3]
    assert sieve.kept.all()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_of_text_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "walk.csv"
    path.write_text("Gerät,latitude,longitude,rsrp\nZürich,36.0,-78.9,-101.5\n", encoding=encoding)
    named = encoding if encoding == "cp1252" else None
    readings, _ = read(path, Columns.model_validate({"device": "Gerät"}), named)
    assert readings.device.tolist() == ["Zürich"]
    assert readings.rsrp.tolist() == [-101.5]


def test_another_format_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "walk.npy", np.zeros(3))
    with pytest.raises(BuildError, match=r"walk\.npy is a NumPy array \(\.npy\), expected a CSV file"):
        read(tmp_path / "walk.npy")


def test_an_empty_file_and_one_without_readings_are_refused(tmp_path: Path) -> None:
    assert "is empty; expected a header line with latitude, longitude, rsrp" in refused(tmp_path)
    assert "has a header but no reading" in refused(tmp_path, HEADER)


def test_a_missing_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    message = refused(tmp_path, "latitude,longitude,rsrpp", "36,-78,-100")
    assert "no column 'rsrp'" in message
    assert "Did you mean 'rsrpp'?" in message
    assert "`columns: {rsrp: ...}`" in message


def test_lines_are_those_of_the_file_also_below_a_preamble(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text(f"Drive 7; Pixel\n\nsep=;\n{HEADER.replace(',', ';')}\n36;-78;-100\n36;-78;\n")
    readings, sieve = read(path)
    assert readings.rsrp[0] == -100.0
    assert sieve.rows.line.tolist() == [5, 6]
    assert sieve.causes == {"without RSRP (first: walk.csv, line 6)": 1}


@pytest.mark.parametrize("bad", ["good", "-1O0", "-100..-98"])
def test_a_column_without_any_number_is_refused_with_its_line(tmp_path: Path, bad: str) -> None:
    message = refused(tmp_path, HEADER, f"36,-78,{bad}", "36,-78,")
    assert f"line 2: rsrp is '{bad}', expected RSRP in dBm; none of 2 readings has it" in message


def test_a_column_without_any_position_is_refused(tmp_path: Path) -> None:
    assert "latitude is 'indoors', expected degrees of latitude" in refused(tmp_path, HEADER, "indoors,1,-90")


def test_a_unit_that_is_no_angle_is_refused(tmp_path: Path) -> None:
    assert "column 'latitude (m)' is in 'm', expected degrees" in refused(
        tmp_path, "latitude (m),longitude,rsrp", "36,-78,-100"
    )


def test_angles_in_other_units_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "walk.csv"
    path.write_text(f"latitude [rad],longitude [rad],rsrp\n{np.radians(36)},{np.radians(-78)},-100\n")
    readings, _ = read(path)
    assert (readings.latitude[0], readings.longitude[0]) == pytest.approx((36.0, -78.0))


def test_values_are_counted_from_the_most_frequent() -> None:
    assert counted(["b", "a", "b", ""]) == "b (2), nothing (1), a (1)"
    assert counted(map(str, range(12))).endswith("and 2 others")


@pytest.mark.parametrize("text", ["Alpha", "1300", "LTE: Band", "no", 'a "b"', "RSRP [dBm]", "#1", ""])
def test_keys_are_written_as_yaml_reads_them(text: str) -> None:
    assert {str(key): str(value) for key, value in yaml.safe_load(flow(**{text: text})).items()} == {
        text: text
    }
