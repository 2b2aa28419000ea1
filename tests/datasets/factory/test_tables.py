"""Tables are read line by line, and what does not fit is named with its line."""

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.factory.tables import numbers, read_table, require_columns


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_keep_their_lines_and_short_rows_are_empty_at_their_end(end: str) -> None:
    table = read_table("a.csv", end.join(["", ' a , "b"', "1, 2 ", "", ",", "3", ""]))
    assert table.header == ["a", "b"]
    assert table.cells("a") == ["1", "3"]
    assert table.cells("b") == ["2", ""]
    assert table.lines.tolist() == [3, 6]


def test_cell_of_several_lines_ends_on_its_last() -> None:
    table = read_table("a.csv", 'a,b\n"one\ntwo",2\n3,4\n')
    assert table.cells("a") == ["one\ntwo", "3"]
    assert table.lines.tolist() == [3, 4]


def test_row_with_more_cells_than_the_header_is_refused_by_its_line() -> None:
    assert read_table("a.csv", "a,b\n1,2,\n3,4, ,\n").cells("b") == ["2", "4"]
    semicolons = read_table("a.csv", "a;b\n1,5;2,5\n")  # what is wrong there is told of the header
    assert semicolons.header == ["a;b"]
    with pytest.raises(BuildError, match=r"a.csv, line 3: 4 cells below a header of 2; .* decimal point"):
        read_table("a.csv", "a,b\n1,2\n48,13,11,57\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.csv is empty; expected a header line with tx, ty"),
        ("tx;ty\n1;2\n", "separates its columns by ';': 'tx;ty', expected commas; save it with commas, or"),
        ("tx,t_y\n1,2\n", "has no column 'ty'. Did you mean 't_y'? It has t_y, tx; name yours by "),
        ("tx,ty,tx\n1,2,3\n", "a.csv has 2 columns 'tx'; give them names of their own"),
        ("0.5,1\n1,2\n", "has no column 'tx'. It has 0.5, 1; is the header line missing?"),
    ],
)
def test_header_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(BuildError) as caught:
        require_columns("a.csv", read_table("a.csv", text).header, {"x": "tx", "y": "ty"}, ", or so")
    assert said in str(caught.value)


def test_numbers_are_those_of_python_and_nan_is_refused_where_it_may_not_be() -> None:
    cells, lines = ["1e-3", "-0.1", "nan", "x"], np.arange(2, 6)
    np.testing.assert_array_equal(numbers("a", "b", cells[:3], lines), [1e-3, -0.1, np.nan])
    with pytest.raises(BuildError, match=r"a, line 5: b is 'x', expected a number; .* remove this line$"):
        numbers("a", "b", cells, lines)
    with pytest.raises(BuildError, match=r"a, line 4: b is 'nan', .* remove these 2 lines$"):
        numbers("a", "b", cells, lines, finite=True)
    with pytest.raises(BuildError, match="b is '1_000', expected a number"):
        numbers("a", "b", ["1_000"], lines)
    with pytest.raises(BuildError, match=r"b is '\\x00', expected a number"):
        numbers("a", "b", ["\x00"], lines)
