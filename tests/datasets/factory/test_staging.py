"""Staged units are whole or absent."""

from pathlib import Path

import numpy as np
import pytest

from datasets.factory.errors import BuildError
from datasets.factory.staging import Staging


def test_a_unit_comes_back_bit_for_bit(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    arrays = {"a": np.array([1.0, np.nan], np.float32), "mask": np.array([True, False]), "file": np.ones(1)}
    staging.write(7, arrays)
    assert staging.units() == {7}
    assert staging.read(7).keys() == arrays.keys()
    for name, values in staging.read(7).items():
        assert (values.dtype, values.tobytes()) == (arrays[name].dtype, arrays[name].tobytes())


def test_a_half_written_unit_does_not_count(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    staging.write(0, {"a": np.zeros(3)})
    folder = tmp_path / "build" / "staging"
    (folder / ".unit-00000001.npz.host.1").write_bytes(b"half")
    assert staging.units() == {0}


def test_a_damaged_unit_is_removed_so_that_resume_makes_it_again(tmp_path: Path) -> None:
    staging = Staging(str(tmp_path))
    staging.write(3, {"a": np.zeros(1000)})
    path = tmp_path / "build" / "staging" / "unit-00000003.npz"
    damaged = bytearray(path.read_bytes())
    damaged[500] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(BuildError, match=r"unit 3 .* was damaged .*Run the same command again"):
        staging.read(3)
    assert staging.units() == set()


def test_pickles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        Staging(str(tmp_path)).write(0, {"a": np.array([{}], dtype=object)})
