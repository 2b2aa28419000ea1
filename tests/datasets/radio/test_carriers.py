"""Carrier frequencies of channel numbers."""

import pytest

from datasets.radio.carriers import lte_frequency, nr_frequency


@pytest.mark.parametrize(
    ("number", "megahertz"),
    [
        (0, 2110.0),
        (1300, 1815.0),  # band 3
        (3100, 2655.0),  # band 7
        (6300, 806.0),  # band 20
        (9360, 773.0),  # band 28
        (38950, 2330.0),  # band 40
        (55990, 3625.0),  # band 48
        (66786, 2145.0),  # band 66
        (18300, None),  # uplink
        (5000, None),  # between the bands
        (80000, None),
        (-1, None),
    ],
)
def test_downlink_of_an_earfcn(number: int, megahertz: float | None) -> None:
    expected = None if megahertz is None else pytest.approx(megahertz * 1e6)
    assert lte_frequency(number) == expected


@pytest.mark.parametrize(
    ("number", "megahertz"),
    [
        (151600, 758.0),
        (599999, 2999.995),
        (600000, 3000.0),
        (650000, 3750.0),
        (2016667, 24250.08),
        (2079167, 28000.08),
        (3279166, None),
        (-1, None),
    ],
)
def test_frequency_of_an_nr_arfcn(number: int, megahertz: float | None) -> None:
    expected = None if megahertz is None else pytest.approx(megahertz * 1e6)
    assert nr_frequency(number) == expected
