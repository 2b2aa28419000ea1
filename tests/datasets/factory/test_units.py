"""Units, rows and parts cover every record once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.factory.errors import BuildError
from datasets.factory.units import Units


@given(
    records=st.integers(1, 200), unit=st.integers(1, 9), per_row=st.integers(1, 5), parts=st.integers(1, 12)
)
def test_units_of_the_rows_of_all_parts_hold_every_record_once(
    records: int, unit: int, per_row: int, parts: int
) -> None:
    units = Units(records, unit, unit * per_row)
    rows = [row for part in range(1, parts + 1) for row in units.rows_of_slice((part, parts))]
    found = [units.indices(each) for row in rows for each in units.of_row(row)]
    assert rows == list(range(units.rows))
    np.testing.assert_array_equal(np.concatenate(found), np.arange(records))
    assert all(units.row_of(each) == row for row in rows for each in units.of_row(row))


def test_a_shard_holds_whole_units() -> None:
    with pytest.raises(BuildError, match="10 records per shard are not a multiple of 4"):
        Units(100, 4, 10)
