"""Pictures of radio maps."""

import numpy as np
import torch
import xarray as xr

from surrogates.domains.radio.plots.maps import RadioMap, ground_distance
from surrogates.domains.radio.preparations.maps import DrawSamples
from surrogates.evaluation.evaluate import Target
from surrogates.report.pictures import Examples

DIMS = {3: ("sample", "y", "x"), 2: ("sample", "enu"), 1: ("sample",)}


def dataset(batch: dict[str, torch.Tensor]) -> xr.Dataset:
    axis = (np.arange(32) + 0.5) * 4.0
    fields = {name: (DIMS[value.ndim], value.numpy()) for name, value in batch.items()}
    return xr.Dataset(fields, coords={"x": axis, "y": axis})


def test_distance_is_zero_at_the_transmitter(batch: dict) -> None:
    distance = ground_distance(dataset(batch))
    assert np.unravel_index(distance[0].argmin(), (32, 32)) == (7, 15)


def test_error_curve_counts_scored_cells_alone(specs: dict, batch: dict) -> None:
    drawn = DrawSamples(count=40)(batch, [np.random.default_rng(n) for n in range(2)], train=False)
    data = dataset(drawn)
    off = data[["path_gain_directional"]] + 2.0
    off["path_gain_directional"] = off["path_gain_directional"].where(data["scored"], 1e6)
    target = Target(specs["path_gain_directional"], specs["scored"], -140.0)
    figures = RadioMap()(Examples(data, {"model": off}, [target], "sample"))
    curve = figures["Error against distance"].axes[0].lines[0].get_ydata()
    np.testing.assert_allclose(curve, 2.0, atol=1e-3)
    assert len(figures["Radio maps"].axes) >= 6
