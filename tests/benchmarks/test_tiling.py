"""The rows say how memory grows with the map, and the maps they are measured on are sound."""

import pytest
import xarray as xr

from benchmarks.speed import tiling
from surrogates.inference.bundle import load_bundle


def test_memory_that_grows_with_the_map_does_not_hold() -> None:
    def measured(*megabytes: float) -> dict[str, list[dict[str, float]]]:
        names = ("1 km", "2 km", "4 km", tiling.WHOLE)
        return {
            name: [{"megabytes": size, "seconds": 1.0}] * 3
            for name, size in zip(names, megabytes, strict=True)
        }

    bounded = tiling.rows(measured(80, 82, 85, 150))
    assert [row.holds for row in bounded] == [True, True, None, None]
    assert bounded[2].ratio == pytest.approx(150 / 82)
    assert [row.holds for row in tiling.rows(measured(80, 160, 320, 150))][:2] == [False, False]


def test_a_map_and_its_bundle_fit_each_other(tmp_path) -> None:
    tiling.write_bundle(tmp_path / "bundle")
    tiling.write_map(tmp_path / "160.zarr", 160)
    given = xr.open_zarr(tmp_path / "160.zarr", consolidated=False, chunks=None)
    inputs = {spec.name: spec for spec in load_bundle(tmp_path / "bundle").manifest.pipeline.inputs}
    assert set(given.data_vars) == inputs.keys()
    assert given.sizes["y"] == given.sizes["x"] == 160
    assert (given["building_height"] > 0).mean() == pytest.approx(0.4, abs=0.1)
