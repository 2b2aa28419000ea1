"""Pictures of measured sites show the readings, the deviation, and errors of held-out cells alone."""

import numpy as np
import pytest
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.domains.radio.plots.sites import SiteMap, draw_measured_record
from surrogates.evaluation.evaluate import Target
from surrogates.report.pictures import Examples


@pytest.fixture
def site(batch: Batch) -> xr.Dataset:
    cells = batch["building_height"].shape[-1]
    centres = (np.arange(cells) + 0.5) * 4.0
    rsrp = batch["path_gain"].numpy().copy()
    rsrp[:, 6:, :] = np.nan
    scored = np.isfinite(rsrp)
    scored[:, :3] = False
    variables = {
        "building_height": (("sample", "y", "x"), batch["building_height"].numpy()),
        "transmitter_position": (("sample", "enu"), batch["transmitter_position"].numpy()),
        "transmitter_azimuth": (("sample",), batch["transmitter_azimuth"].numpy()),
        "rsrp": (("sample", "y", "x"), rsrp),
        "rsrp_samples": (("sample", "y", "x"), np.where(scored, np.nan, rsrp)),
        "scored": (("sample", "y", "x"), scored),
    }
    return xr.Dataset(variables, coords={"y": centres, "x": centres})


def test_error_panel_has_a_dot_for_each_held_out_cell_and_no_other(site: xr.Dataset) -> None:
    rsrp = site["rsrp"].fillna(-100.0)
    predicted = xr.Dataset({"rsrp": rsrp + 5.0, "rsrp_standard_deviation": xr.full_like(rsrp, 3.0)})
    spec = VariableSpec(name="rsrp", dims=("sample", "y", "x"), shape=rsrp.shape[1:])
    figure = SiteMap()(Examples(site, {"process": predicted}, [Target(spec)], "sample"))["Measured sites"]
    panels = [axes for axes in figure.axes if axes.get_title() == "error of held-out cells"]
    assert len(panels) == 2
    for number, panel in enumerate(panels):
        values = panel.collections[0].get_array()
        assert values.size == int(site["scored"][number].sum())
        np.testing.assert_allclose(values, 5.0)


def test_record_picture_counts_the_measured_cells(site: xr.Dataset) -> None:
    record = site.isel(sample=0).assign_coords(measurement="A Pixel")
    figure = draw_measured_record(record)
    count = int(np.isfinite(record["rsrp"]).sum())
    assert figure.axes[0].get_title() == f"A Pixel: {count} measured cells"
    assert figure.axes[0].collections[0].get_array().size == count
