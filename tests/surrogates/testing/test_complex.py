"""Pieces that take complex variables keep what their kind promises for these too; the others refuse them."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.core import registry
from surrogates.core.errors import ConfigError
from surrogates.data.window import Window, windowed
from surrogates.evaluation.evaluate import Target
from surrogates.learning.context import Context
from surrogates.learning.contract import Metric
from surrogates.learning.transform import Features, Transform
from surrogates.report.pictures import Examples
from tests.pieces.spine import pipeline

GRID = {"dims": ("sample", "port", "time", "y"), "shape": (3, 2, 4), "dtype": "complex64", "units": "V"}
WAVE = VariableSpec(name="wave", **GRID, missing=True, long_name="wave that came")
AHEAD = VariableSpec(name="ahead", **GRID, missing=True, long_name="wave that will come")
LENGTH = VariableSpec(name="length", dims=("sample",), shape=(), units="m")
INSIDE = VariableSpec(name="inside", dims=("sample", "y"), shape=(4,), dtype="bool")
WAVES = Context.of([WAVE, LENGTH], [AHEAD], INSIDE)
FOLDED = {"name": "stack", "fold": ("port",), "grid": ("y",), "scale_by": "wave"}
SIGNAL = VariableSpec(name="signal", dims=("sample", "time"), shape=(30,), dtype="complex64", units="V")
PAST, LATER = (
    windowed(SIGNAL, Window(8, horizon=4, dimension="time"), "time", 60.0, ahead=ahead)
    for ahead in (False, True)
)


class Forgetful(Transform):
    """Forgets imaginary parts."""

    takes_complex = True

    def __init__(self):
        super().__init__()
        self.grid, self.in_channels, self.channel_names = ("y",), 1, ["wave"]

    def forward(self, inputs):
        return Features(inputs["wave"].real.nan_to_num(0.0).mean((1, 2))[:, None])


@pytest.mark.parametrize("piece", [{"name": "stack"}, {**FOLDED, "scale_by": None}, FOLDED])
def test_stacked_channels_of_complex_inputs(piece):
    testing.check_transform(piece, WAVES)


@pytest.mark.parametrize("values", ["absolute", "relative", "rates"])
def test_windows_of_complex_inputs(values):
    testing.check_transform({"name": "windows", "values": values}, Context.of([PAST], [LATER]))


def test_a_transform_that_loses_nan_of_a_complex_input_is_found():
    with pytest.raises(AssertionError, match="NaN in 'wave' is lost"):
        known = WAVE.model_copy(update={"missing": False})
        testing.check_transform(Forgetful(), Context.of([known], [AHEAD]))


@pytest.mark.parametrize("head", [{"name": "point"}, {"name": "gaussian", "beta": 0.0}])
def test_losses_and_answers_of_folded_complex_targets(head):
    made = pipeline(WAVES, transform=FOLDED, head=head)
    batch = testing.draw_batch(WAVES)
    testing.check_objective("regression", made, batch, mean_of_records=False)
    testing.check_predictor("direct", made, batch)


def test_a_complex_forecast_rolls_out():
    short = LATER.model_copy(update={"shape": (2,)})
    context = Context.of([PAST], [LATER])
    made = pipeline(
        context.between([PAST], [short]),
        transform={"name": "windows", "values": "relative"},
        network={"name": "lstm", "width": 4, "depth": 1},
        head={"name": "gaussian", "beta": 0.0},
    )
    batch = testing.draw_batch(context)
    testing.check_predictor({"name": "rollout", "steps": 2}, made, batch)
    testing.check_objective({"name": "forecast", "steps": 2}, made, batch)


def test_the_mean_of_complex_targets_is_complex():
    testing.check_baseline("mean", WAVES)


@pytest.mark.parametrize("name", sorted(each for each in registry.names("metrics") if "/" not in each))
def test_a_metric_scores_complex_targets_or_refuses_them_in_one_line(name):
    try:
        Metric.build({"name": name}, Context.of((), (AHEAD,)))
    except ConfigError as error:
        assert name in ("correlation", "ssim", "circular_error", "rank_histogram"), error
        assert "takes real numbers, but 'ahead' is complex64" in str(error)
    else:
        testing.check_metric(name, AHEAD, members=name in ("energy_score", "member_coverage"))


def test_maps_of_complex_targets():
    rng = np.random.default_rng(0)
    for dims, shape in ((("sample", "port", "y"), (3, 4)), (("sample", "y"), (4,)), (("sample",), ())):
        spec = VariableSpec(name="ahead", dims=dims, shape=shape, dtype="complex64", units="V")
        values = (rng.normal(size=(3, *shape)) + 1j * rng.normal(size=(3, *shape))).astype(np.complex64)
        truth = xr.Dataset({"ahead": (dims, values, {"units": "V"})})
        examples = Examples(truth, {"model": truth * 1.1, "mean": truth * 0}, [Target(spec)], "sample")
        testing.check_plot("fields", examples, Context.of((), (spec,)))


def test_a_drawn_complex_batch_is_complex():
    assert testing.draw_batch(WAVES)["wave"].dtype == torch.complex64
