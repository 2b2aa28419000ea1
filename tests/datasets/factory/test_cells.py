"""Cells are numbers in one way or refused by what they look like; units are used or refused."""

import numpy as np
import pytest

from datasets.factory.cells import bracketed, decimal_of, numbers, suffixed, unit_named, without_units
from datasets.factory.errors import BuildError


def test_numbers_are_those_of_python_and_missing_cells_are_nan_where_they_may_be() -> None:
    cells, lines = ["1e-3", "-0.1", "nan", "", "N/A", "#DIV/0!", "inf", "x"], np.arange(2, 10)
    found = numbers("a", "b", cells[:7], lines)
    np.testing.assert_array_equal(found, [1e-3, -0.1, np.nan, np.nan, np.nan, np.nan, np.inf])
    with pytest.raises(BuildError, match=r"a, line 9: b is 'x', expected a number; .* remove this line$"):
        numbers("a", "b", cells, lines)
    with pytest.raises(BuildError, match=r"a, line 4: b is 'nan', .* remove these 6 lines$"):
        numbers("a", "b", cells, lines, finite=True)


@pytest.mark.parametrize(
    ("cell", "decimal", "said"),
    [
        ("1_000", ".", "expected a number; correct"),
        ("\x00", ".", "expected a number; correct"),
        ("0x10", ".", "expected a number; correct"),
        ("1,5", ".", "expected a decimal point, as in other cells: .* `decimal=comma`"),
        ("1,234", ".", "can be read in one way: say `decimal=comma`"),
        ("1,234.5", ".", "a decimal point and no thousands separator, such as 1234.5"),
        ("1.234,5", ".", "no thousands separator"),
        ("1.234,5", ",", "a decimal comma and no thousands separator, such as 1234,5"),
        ("1.234", ",", "no thousands separator"),
        ("1.5", ",", "expected a number"),
        ("12'345", ".", "no thousands separator"),
        ("12 345,6", ",", "no thousands separator"),
        ("48°08'15.8\"N", ".", "instead of degrees, minutes and seconds"),
        ("48:08:15", ".", "instead of degrees, minutes and seconds"),
        ("48.1 N", ".", "a sign instead of a letter"),
    ],
)
def test_cell_that_is_no_number_is_refused_by_what_it_looks_like(cell: str, decimal: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        numbers("a.csv", "b", [cell], np.array([2]), decimal=decimal)


@pytest.mark.parametrize(
    ("cells", "sign"),
    [
        (["1,5", "2"], ","),
        (["0,123"], ","),
        (["-,5"], ","),
        (["1,234", "12,345"], "."),  # thousands or thousandths: refused later
        (["1,234", "1,2"], ","),
        (["1,5", "2.5"], "."),
        (["2024-05-01T10:00:00.5", "1,5e-03"], ","),
        ([], "."),
    ],
)
def test_comma_begins_a_fraction_where_it_can_mean_nothing_else(cells: list[str], sign: str) -> None:
    assert decimal_of(cells) == sign


def test_numbers_with_a_decimal_comma() -> None:
    found = numbers("a", "b", ["1,5", "\u22122", "1,5e-03", "inf", ""], np.arange(5), decimal=",")
    np.testing.assert_array_equal(found, [1.5, -2, 1.5e-3, np.inf, np.nan])


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("mm", "mm"), ("feet", "ft"), ("µs", "us"), ("m s^-1", "m s^-1"), ("km/h", "km/h"), ("kmh", "km h-1"),
        ("", "1"), ("-", "-"), ("DBM", "dBm"), ("°", "°"),
        ("0", None), ("2", None), ("ENU", None), ("world", None), ("°08'15", None),
    ],
)  # fmt: skip
def test_units_are_told_from_other_words(text: str, unit: str | None) -> None:
    assert unit_named(text) == unit


def test_names_are_told_from_their_units() -> None:
    assert bracketed("tx (mm)") == ("tx", "mm")
    assert bracketed("p_RS_R_x [m]") == ("p_RS_R_x", "m")
    assert bracketed("q[2]") == ("q[2]", None)
    assert bracketed("tx (ENU)") == ("tx (ENU)", None)
    assert suffixed("alt_ft") == ("alt", "ft")
    assert suffixed("p_x") == ("p_x", None)
    assert suffixed("_ms") == ("_ms", None)


def test_units_behind_numbers_are_taken_off_where_all_have_the_same() -> None:
    lines = np.arange(2, 5)
    assert without_units("a", "b", ["-80 dBm", "", "-81dBm"], lines) == (["-80", "", "-81"], "dBm")
    assert without_units("a", "b", ["1", "2", "x"], lines) == (["1", "2", "x"], None)
    with pytest.raises(
        BuildError, match=r"line 3: b is '5 m', in m, but '5 km' in line 2, expected one unit"
    ):
        without_units("a", "b", ["5 km", "5 m", "1 m"], lines)
    with pytest.raises(BuildError, match=r"line 4: b is '-81', in no unit, but '-80 dBm' in line 2"):
        without_units("a", "b", ["-80 dBm", "-80 dBm", "-81"], lines)
