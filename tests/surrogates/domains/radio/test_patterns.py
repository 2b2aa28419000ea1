"""Antenna pattern files of MSI Planet."""

from pathlib import Path

import numpy as np
import pytest

from surrogates.core.errors import ConfigError
from surrogates.domains.radio.patterns import AntennaPattern, read_pattern, write_pattern

ANGLES = np.arange(360)
HORIZONTAL = np.minimum(12.0 * ((ANGLES + 180) % 360 - 180.0) ** 2 / 65.0**2, 30.0).round(2)
VERTICAL = np.minimum(12.0 * ((ANGLES + 180) % 360 - 186.0) ** 2 / 100.0, 20.0).round(2)


def written(
    path: Path, gain: str = "GAIN 15 dBi", horizontal: list[str] | None = None, tail: int = 360
) -> Path:
    cut = (
        [f"{angle}\t{value}" for angle, value in enumerate(HORIZONTAL)] if horizontal is None else horizontal
    )
    vertical = [f"{angle}.0 {value}" for angle, value in enumerate(VERTICAL)][:tail]
    lines = ["name Panel 65", "FREQUENCY 3600", gain, "TILT ELECTRICAL", "COMMENT", "HORIZONTAL 360", *cut]
    path.write_text("\n".join([*lines, "VERTICAL 360", *vertical]) + "\n")
    return path


def test_a_pattern_comes_back_as_it_was_written(tmp_path: Path) -> None:
    pattern = AntennaPattern("Panel 65", 17.5, HORIZONTAL, VERTICAL, {"FREQUENCY": "3600", "MAKE": "Us"})
    back = read_pattern(write_pattern(pattern, tmp_path / "panel.msi"))
    assert (back.name, back.gain, back.others) == (pattern.name, pattern.gain, pattern.others)
    np.testing.assert_array_equal(back.horizontal, HORIZONTAL)
    np.testing.assert_array_equal(back.vertical, VERTICAL)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [("GAIN 15", 17.15), ("GAIN 15 dBd", 17.15), ("gain 15.0 DBI", 15.0), ("GAIN -1.5dBi", -1.5)],
)
def test_gain_is_over_a_dipole_unless_the_file_says_otherwise(
    tmp_path: Path, gain: str, expected: float
) -> None:
    found = read_pattern(written(tmp_path / "panel.pln", gain))
    assert found.gain == pytest.approx(expected)
    assert found.name == "Panel 65"
    assert found.others["TILT"] == "ELECTRICAL"
    np.testing.assert_array_equal(found.horizontal, HORIZONTAL)


def test_gain_is_largest_on_the_boresight_at_the_electrical_tilt(tmp_path: Path) -> None:
    pattern = read_pattern(written(tmp_path / "panel.msi"))
    down = np.deg2rad(np.linspace(-20, 20, 401))
    gain = pattern.relative(np.zeros_like(down), down)
    assert np.rad2deg(down[np.argmax(gain)]) == pytest.approx(6.0, abs=0.11)
    assert gain.max() == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gain": "GAIN high"}, "GAIN high found; expected a number in dBd"),
        ({"gain": "COMMENT none"}, "GAIN is missing found"),
        ({"horizontal": ["0 0.0", "2 0.1"] + ["3 0"] * 358}, "line 8: '2 0.1' found, '1' and an attenuation"),
        ({"horizontal": ["0 0.0", "1 -3.0"] + ["3 0"] * 358}, "line 8: '1 -3.0' found"),
        ({"horizontal": ["0 nan"] * 360}, "line 7: '0 nan' found"),
        ({"tail": 100}, "the end of the file"),
    ],
)
def test_a_malformed_pattern_is_refused_in_one_line(tmp_path: Path, change: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read_pattern(written(tmp_path / "panel.msi", **change))
    assert "\n" not in str(error.value)
    assert "panel.msi" in str(error.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("latitude,longitude\n1,2\n")
    with pytest.raises(ConfigError, match="has no line 'HORIZONTAL 360'"):
        read_pattern(tmp_path / "other.txt")
    (tmp_path / "coarse.msi").write_text("NAME x\nGAIN 3\nHORIZONTAL 36\n")
    with pytest.raises(ConfigError, match="HORIZONTAL 36 found, HORIZONTAL 360 expected"):
        read_pattern(tmp_path / "coarse.msi")
