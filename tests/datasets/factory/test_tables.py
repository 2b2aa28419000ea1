"""Tables are read line by line, and what does not fit is named with its line."""

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from datasets.factory.errors import BuildError
from datasets.factory.tables import Decimal, Separator, read_table, require_columns


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
    with pytest.raises(BuildError, match=r"a.csv, line 3: 4 cells found, expected 2 \(a,b\); .* point"):
        read_table("a.csv", "a,b\n1,2\n48,13,11,57\n")


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n0.5,1.5\n2,3\n",
        "a, b\n0.5, 1.5\n2, 3\n",
        "a;b\n0,5;1,5\n2;3\n",
        "a\tb\n0.5\t1.5\n2\t3\n",
        "a|b\n0.5|1.5\n2|3\n",
        " a   b \n 0.5  1.5\n2  3 \n",
        "a b\n0,5 1,5\n2 3\n",
        '"a","b"\n"0,5","1,5"\n2,3\n',
        "A,B\n0.5,1.5\n2,3\n",
        "#a,b\n0.5,1.5\n2,3\n",
        "# a flight\n# a, b\n0.5,1.5\n# a pause\n2,3\n",
        "% a b\n0.5,1.5\n2,3\n",
        "sep=;\na;b\n0.5;1.5\n2;3\n",
        "a (m),b [m]\n0.5,1.5\n2,3\n",
        "a (m) b (m)\n0.5 1.5\n2 3\n",
        "a_m,b_mm\n0.5,1500\n2,3000\n",
        "a,b (mm)\n0.5,1500\n2,3000\n",
        "a,b\nm,mm\n0.5,1500\n2,3000\n",
        "a,b\n[m],[km]\n0.5,0.0015\n2,0.003\n",
        "a,b\n0.5 m,1500 mm\n2 m,3000 mm\n",
        "a,b,\n0.5,1.5,\n,,\n\n2,3,\n",
        "name; of b,a,b\nx,0.5,1.5\ny,2,3\n",
    ],
)
def test_one_table_is_written_in_many_ways(text: str) -> None:
    table = read_table("a.csv", text)
    require_columns("a.csv", table.header, {"x": "a", "y": "b"})
    np.testing.assert_allclose(table.values("a", "m"), [0.5, 2])
    np.testing.assert_allclose(table.values("b", "m"), [1.5, 3])


def test_separator_and_decimal_can_be_said() -> None:
    class Importer(BaseModel):
        separator: Separator = None
        decimal: Decimal = None

    assert Importer(separator=";", decimal=",") == Importer(separator="semicolon", decimal="comma")
    with pytest.raises(ValidationError, match="'comma', 'semicolon', 'tab', 'bar' or 'space'"):
        Importer(separator="x")
    assert read_table("a.csv", "a b;c\n1 2;3", "semicolon").header == ["a b", "c"]
    np.testing.assert_array_equal(read_table("a", "a;b\n1,234;2", None, "comma").values("a", "m"), [1.234])
    with pytest.raises(BuildError, match="say `decimal=comma`"):
        read_table("a.csv", "a;b\n1,234;2").values("a", "m")


def test_text_without_a_header_takes_names_that_are_given() -> None:
    table = read_table("a.txt", "# made by hand\n1 2\n3 4\n5\n", header=("a", "b"))
    assert table.cells("b") == ["2", "4", ""]
    assert table.cells("a") == ["1", "3", ""]  # which cell of the last row is lacking is not known
    assert table.comments == ["made by hand"]
    assert read_table("a.txt", "b a\n1 2\n", header=("a", "b")).cells("a") == ["2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.csv is empty; expected a header line with tx, ty"),
        ("tx,t_y\n1,2\n", "has no column 'ty'. Did you mean 't_y'? It has t_y, tx; name yours by "),
        ("tx,ty,tx\n1,2,3\n", "a.csv has 2 columns 'tx' (tx, tx); give them names of their own"),
        ("tx (m),ty,tx (ft)\n1,2,3\n", "a.csv has 2 columns 'tx' (tx (m), tx (ft)); give"),
        ("0.5,1\n1,2\n", "has no column 'tx'. It has 0.5, 1; is the header line missing? Or so"),
    ],
)
def test_header_that_does_not_fit_is_refused(text: str, said: str) -> None:
    with pytest.raises(BuildError) as caught:
        require_columns("a.csv", read_table("a.csv", text).header, {"x": "tx", "y": "ty"}, " Or so")
    assert said in str(caught.value)


def test_column_that_stands_twice_does_not_matter_where_it_is_not_used() -> None:
    table = read_table("a.csv", "a,b,b\n1,2,3\n")
    require_columns("a.csv", table.header, {"x": "a"})
    assert table.cells("a") == ["1"]


def test_name_as_it_stands_comes_before_one_in_another_case() -> None:
    table = read_table("a.csv", "a,A\n1,2\n")
    assert (table.cells("a"), table.cells("A")) == (["1"], ["2"])


@pytest.mark.parametrize(
    ("text", "column", "units", "said"),
    [
        ("a (kg)\n1\n", "a", "m", r"column 'a' is in 'kg', which cannot be converted to 'm'"),
        ("a_ft\n1\n", "a", "s", r"column 'a' is in 'ft', which cannot be converted to 's'"),
        ("a (m),b\n1 km,2\n", "a", "m", r"in 'm' by its header and in 'km' by its cells"),
    ],
)
def test_unit_that_does_not_fit_is_refused(text: str, column: str, units: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        read_table("a.csv", text).values(column, units)


def test_unit_below_has_to_be_that_of_the_header() -> None:
    with pytest.raises(BuildError, match=r"a.csv, line 2: 'a \(m\)' has the unit 'mm' below it"):
        read_table("a.csv", "a (m),b\nmm,m\n1,2\n")


def test_suffix_that_is_another_quantity_is_a_part_of_the_name() -> None:
    assert read_table("a.csv", "p_s,b\n7,1\n").values("p_s", "m").tolist() == [7]
    assert read_table("a.csv", "p_ms,b\n7,1\n").values("p_ms", "s").tolist() == [0.007]


def test_unit_that_no_file_states_is_the_users() -> None:
    assert read_table("a.csv", "a,b\n7,1\n").values("a", "s", "ms").tolist() == [0.007]
    assert read_table("a.csv", "a [s],b\n7,1\n").values("a", "s", "ms").tolist() == [7]
