"""Any record can be drawn."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from datasets.factory.build import build
from datasets.factory.pictures import draw, picture
from datasets.store.errors import ContractError
from datasets.store.layout import open_store
from tests.toy import Oscillator


def test_a_record_shows_its_numbers_and_its_curve(undisturbed: str) -> None:
    figure = picture(open_store(undisturbed), 3)
    numbers, curve = figure.axes
    assert "stiffness = " in numbers.texts[0].get_text()
    assert curve.get_xlabel() == "time (s)"
    assert curve.get_ylabel() == "displacement from rest (m)"
    line = np.asarray(curve.lines[0].get_ydata())
    np.testing.assert_array_equal(line, xr.open_zarr(undisturbed).displacement[3])


def test_maps_have_northwards_y_and_units_as_people_write_them() -> None:
    gain = xr.DataArray(
        np.arange(12.0).reshape(1, 3, 4),
        dims=("transmitter", "y", "x"),
        coords={"y": ("y", [0.0, 4.0, 8.0], {"units": "m"})},
        attrs={"units": "0.1 lg(re 1)", "long_name": "path gain"},
    )
    figure = draw(xr.Dataset({"path_gain": gain, "response": ("x", np.ones(4) * 1j)}), "title")
    plan, modulus, phase, bar = figure.axes
    assert plan.get_title() == "path_gain, transmitter 0"
    assert plan.get_ylabel() == "y (m)"
    assert plan.get_ylim()[0] < plan.get_ylim()[1]
    assert bar.get_ylabel() == "path gain (dB)"
    assert set(np.asarray(modulus.lines[0].get_ydata())) == {1.0}
    np.testing.assert_allclose(np.asarray(phase.lines[0].get_ydata()), np.pi / 2)


def test_single_points_are_marked_and_whole_numbers_stay_whole() -> None:
    ds = xr.Dataset({"count": 10**12, "hit": True, "one": ("k", [3.0])})
    numbers, point = draw(ds, "title").axes
    assert numbers.texts[0].get_text() == "count = 1000000000000\nhit = True"
    assert point.lines[0].get_marker() == "."


def test_a_record_that_is_not_built_or_lost_is_not_drawn(copied: str, tmp_path: Path) -> None:
    url = str(tmp_path / "begun.zarr")
    store = build(Oscillator(), url, workers=0, slice=(1, 3), progress=False)
    assert picture(store, 15).axes
    with pytest.raises(ContractError, match=r"record 16 of .* is not built yet; `surrogates data info"):
        picture(store, 16)
    (Path(copied) / "family" / "c" / "1").unlink()
    with pytest.raises(ContractError, match=r"'family', records 16 to 31.* missing"):
        picture(open_store(copied), 16)


def test_a_record_that_does_not_exist_is_refused(undisturbed: str) -> None:
    with pytest.raises(ValueError, match="has records 0 to 47"):
        picture(open_store(undisturbed), 48)
