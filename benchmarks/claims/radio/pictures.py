"""The picture of the measured cells, for the documentation."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import surrogates
from benchmarks.claims.radio.measured import OURS, site, trained
from surrogates.data.folds import SpatialBlocks
from surrogates.domains.radio.measured.scores import cell_side, read_context
from surrogates.domains.radio.plots.sites import draw_site

DRAWN = ("A Samsung", "C Samsung")


def draw() -> dict[str, Figure]:
    """Draw one phone's map of each cell with the first fold of 128 m blocks held out."""
    url = str(site())
    maps = xr.open_zarr(url).load()
    chosen = [list(maps["measurement"].values).index(name) for name in DRAWN]
    maps = maps.isel(sample=chosen)
    outdoor = maps["rsrp"].where(maps["building_height"] <= 0)
    blocks = SpatialBlocks(128.0, cell_side(read_context(url)))
    splits = [blocks.split(np.isfinite(each.values), 0) for each in outdoor]
    given, held_out = (np.stack([split[side] for split in splits]) for side in (0, 1))
    maps["rsrp"] = outdoor.assign_attrs(maps["rsrp"].attrs)
    maps["rsrp_samples"] = maps["rsrp"].where(given)
    maps["scored"] = (maps["rsrp"].dims, held_out)
    predicted = surrogates.load(trained()).predict(maps)
    figure = Figure(figsize=(18.0, 4.3 * len(DRAWN)), layout="constrained")
    for row, axes in enumerate(figure.subplots(len(DRAWN), 4, squeeze=False)):
        draw_site(figure, axes, maps.isel(sample=row), predicted.isel(sample=row), OURS)
    return {"measured_sites": figure}
