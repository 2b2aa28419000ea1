"""Pictures for the documentation: the measured cells, and cities that were left out."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

import surrogates
from benchmarks.claims import runs
from benchmarks.claims.radio import unseen_city
from benchmarks.claims.radio.measured import OURS, site, trained
from surrogates.data.folds import SpatialBlocks
from surrogates.domains.radio.measured.scores import cell_side, read_context
from surrogates.domains.radio.plots.maps import draw_rows
from surrogates.domains.radio.plots.sites import draw_site
from surrogates.report.examples import examples_of

DRAWN = ("A Samsung", "C Samsung")


def draw() -> dict[str, Figure]:
    """Return the pictures by name."""
    return {"measured_sites": measured_sites(), "unseen_cities": unseen_cities()}


def unseen_cities(extra: Sequence[str] = ()) -> Figure:
    """Draw a map of each city that was left out: ray tracing, prediction and error.

    Parameters
    ----------
    extra
        More overrides of the runs.
    """
    titles = unseen_city.TITLES
    figure = Figure(figsize=(13.5, 4.0 * len(titles)), layout="constrained")
    for axes, (city, title) in zip(
        figure.subplots(len(titles), 3, squeeze=False), titles.items(), strict=True
    ):
        run, _ = unseen_city.trained(city, 0, *extra)
        network = {unseen_city.OURS: runs.network(run)}
        examples = examples_of(network, unseen_city.unseen(city), split="train", device=runs.CPU)
        second = {examples.record_dimension: slice(1, 2)}
        predicted = examples.predictions[unseen_city.OURS].isel(second)
        draw_rows(
            figure,
            axes[None],
            examples.data.isel(second),
            predicted,
            examples.targets[0],
            unseen_city.OURS,
        )
        axes[0].set_title(f"{title}: {axes[0].get_title()}")
    return figure


def measured_sites() -> Figure:
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
    return figure
