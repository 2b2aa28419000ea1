"""`info` describes complete and half-built stores."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.errors import BuildError
from datasets.factory.info import info
from datasets.store.specs import DECIBEL, DECIBEL_MILLIWATT, VariableSpec
from surrogates.cli.data_text import print_info
from tests.datasets.factory.recipes import Failing
from tests.toy import Oscillator


def test_numbers_of_a_complete_store_are_those_of_its_data(undisturbed: str) -> None:
    found, ds = info(undisturbed), xr.open_zarr(undisturbed)
    assert (found.records, found.rows, found.complete_rows) == (48, 3, [0, 1, 2])
    assert found.splits[0].records == {"train": 36, "validation": 8, "test": 4}
    stiffness = next(variable for variable in found.variables if variable.name == "stiffness")
    assert stiffness.mean == pytest.approx(float(ds.stiffness.astype(float).mean()))
    assert stiffness.units == "N m-1"
    assert found.shared == {"time": "(time) s"}


def test_a_half_built_store_says_what_is_there(tmp_path: Path) -> None:
    url = str(tmp_path / "toy.zarr")
    with pytest.raises(BuildError):
        build(Failing(), url, workers=0, progress=False)
    found = info(url)
    assert (found.complete_rows, found.staged_units) == ([0], 1)
    assert next(v.count for v in found.variables if v.name == "displacement") == 16 * 32


def test_decibels_are_shown_as_people_write_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Gain(Oscillator):
        """Has a variable and a shared one in decibels."""

        def specs(self) -> list[VariableSpec]:
            power = VariableSpec(name="power", dims=("sample",), shape=(), units=DECIBEL_MILLIWATT)
            return [*super().specs(), power]

        def shared(self) -> xr.Dataset:
            return super().shared().assign(floor=((), -90.0, {"units": DECIBEL, "long_name": "noise floor"}))

        def simulate(self, indices, rngs):
            arrays = super().simulate(indices, rngs)
            return arrays | {"power": arrays["stiffness"]}

    url = str(tmp_path / "gain.zarr")
    build(Gain(samples=8, shard=8), url, workers=0, progress=False)
    found = info(url)
    assert found.shared["floor"] == "() dB"
    assert {variable.name: variable.units for variable in found.variables}["power"] == DECIBEL_MILLIWATT
    print_info(found)
    said = capsys.readouterr().out
    assert "dBm" in said and "lg(re" not in said


@pytest.mark.parametrize(
    ("values", "shares"),
    [([1, 2], {"a": 0.25, "b": 0.75}), ([1], {}), (None, {})],
)
def test_flags_without_a_value_for_each_meaning_have_no_shares(
    values: list[int] | None, shares: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = {"units": "1", "flag_meanings": "a b"} | ({} if values is None else {"flag_values": values})
    ground = xr.Dataset({"ground": ("cell", np.array([1, 2, 2, 2], "i1"), about)})
    monkeypatch.setattr(Oscillator, "shared", lambda self: ground)
    build(Oscillator(samples=16), str(tmp_path / "toy.zarr"), workers=0, progress=False)
    assert info(str(tmp_path / "toy.zarr")).shares == ({"ground": shares} if shares else {})
