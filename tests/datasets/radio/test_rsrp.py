"""Numbers that are RSRP, and numbers that are not."""

import numpy as np
import pytest

from datasets.radio.rsrp import floor, mean_power, unbelievable, what_instead


def values(text: str) -> np.ndarray:
    return np.array(text.split(), dtype=float)


def test_readings_of_a_cell_are_averaged_in_linear_power() -> None:
    mean, count = mean_power(
        np.array([-100.0, -110.0, -90.0]), np.array([1, 1, 0]), np.array([2, 2, 0]), cells=3
    )
    assert mean[1, 2] == pytest.approx(10 * np.log10((1e-10 + 1e-11) / 2))
    assert mean[0, 0] == pytest.approx(-90.0)
    assert count.sum() == 3
    assert np.isnan(mean).sum() == 7


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("40 42 44 99", "indices or ASU"),
        ("100.5 98 101", "is the sign missing"),
        ("1e-10 2e-11 3e-9", "milliwatts"),
        ("-995 -1012 -1100", "tenths"),
        ("-10000 -9950 -11020", "hundredths"),
        ("-40 -38 -35", "RSSI or RSCP"),
        ("-11 -9.5 -14", "RSRQ or SINR"),
        ("2147483647 2147483647", "markers of missing values"),
        ("-150 -151 -149", "another quantity"),
        ("-80 -81 -120 2147483647 0 0", ""),
        ("-44 -140 -90", ""),
    ],
)
def test_what_numbers_are_otherwise(text: str, cause: str) -> None:
    found = what_instead(values(text))
    assert cause in found if cause else not found


def test_markers_are_told_from_other_values_that_no_phone_reports() -> None:
    marked, wrong = unbelievable(values("-80 -156 -157 -999 99 0 -24 2147483647"))
    assert marked.tolist() == [False, False, False, True, True, True, False, True]
    assert wrong.tolist() == [False, False, True, False, False, False, True, False]


def test_a_floor_lies_apart_and_comes_often() -> None:
    assert floor(values("-80 -100 -150 -150")) == (-150.0, 2)
    assert floor(values("-80 -100 -150")) is None
    assert floor(values("-80 -100 -109 -109")) is None
    assert floor(values("-80 -80")) is None
