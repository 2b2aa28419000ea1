"""Pictures of members and of directions show what scores say."""

import numpy as np
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates.evaluation.evaluate import Target
from surrogates.report.members import RankHistograms
from surrogates.report.pictures import Examples, Fields

HEAT = VariableSpec(name="heat", dims=("sample", "cell"), shape=(500,), units="K", long_name="heat")
WIND = VariableSpec(
    name="wind",
    dims=("sample", "y", "x"),
    shape=(4, 5),
    units="degree",
    attributes={"topology": "circular"},
)


def test_bars_are_shares_of_cells_that_count() -> None:
    rng = np.random.default_rng(0)
    truth, members = rng.normal(size=(2, 500)), rng.normal(size=(2, 4, 500))
    truth[0, :100] = np.nan
    data = xr.Dataset({"heat": (HEAT.dims, truth)})
    model = data.assign(heat_member=(("sample", "member", "cell"), members))
    drawn = RankHistograms()(Examples(data, {"model": model, "mean": data}, [Target(HEAT)], "sample"))
    (axes,) = drawn["ranks of heat"].axes
    heights = np.array([bar.get_height() for bar in axes.patches])
    assert len(heights) == 5 and abs(heights.sum() - 1) < 1e-9
    assert abs(heights - 0.2).max() < 0.05
    assert RankHistograms()(Examples(data, {"mean": data}, [Target(HEAT)], "sample")) == {}
    circular = HEAT.model_copy(update={"units": "degree", "attributes": {"topology": "circular"}})
    assert RankHistograms()(Examples(data, {"model": model}, [Target(circular)], "sample")) == {}


def test_errors_of_directions_are_drawn_the_shorter_way_round() -> None:
    truth = xr.Dataset({"wind": (WIND.dims, np.full((1, 4, 5), 359.0))})
    (figure,) = Fields()(Examples(truth, {"model": truth * 0 + 2.0}, [Target(WIND)], "sample")).values()
    shown = [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]
    np.testing.assert_allclose(shown[-1], 3.0)
