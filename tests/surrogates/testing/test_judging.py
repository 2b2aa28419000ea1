"""Faulty baselines, metrics and plots are found."""

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from surrogates import testing
from surrogates.learning.context import Context
from surrogates.learning.contract import Baseline, Metric, Plot, Statistics
from surrogates.report.pictures import Examples
from tests.pieces.spine import HEAT, HEIGHT, SPEED, examples


class Level(Baseline):
    """The mean of the heat; without a fault."""

    def fit(self, batches: Any) -> "Level":
        self._mean = torch.cat([batch["heat"].flatten() for batch in batches]).nanmean()
        return self

    def __call__(self, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"heat": self._mean + 0 * inputs["height"].nan_to_num()}


class LuckyFit(Level):
    def fit(self, batches: Any) -> "LuckyFit":
        super().fit(batches)
        self._mean = self._mean + float(np.random.default_rng().normal())
        return self


class SeesTheBatch(Level):
    def __call__(self, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"heat": super().__call__(inputs)["heat"] + inputs["speed"].mean()}


class Gaps(Level):
    def __call__(self, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"heat": self._mean + 0 * inputs["height"]}


class WrongShape(Level):
    def __call__(self, inputs: Any, rng: torch.Generator | None = None) -> dict[str, Tensor]:
        return {"heat": super().__call__(inputs)["heat"].mT}


class SeesTheTarget(Level):
    def fit(self, batches: Any) -> "SeesTheTarget":
        for batch in batches:
            batch["heat"].nan_to_num_()
        return super().fit(batches)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("baseline", "message"),
    [
        (LuckyFit, "fitted again to the same batches 'heat' differs"),
        (SeesTheBatch, "'heat' of a record depends on the others"),
        (Gaps, "'heat' is not finite"),
        (WrongShape, r"'heat' has the shape \(4, 3, 4\); expected \(4, 4, 3\)"),
        (SeesTheTarget, "after fit and call the batch 'heat' differs"),
    ],
)
def test_a_faulty_baseline_is_found(baseline: type[Baseline], message: str) -> None:
    context = Context.of([HEIGHT, SPEED], [HEAT])
    testing.check_baseline(Level(), context)
    with pytest.raises(AssertionError, match=rf"^baseline {baseline.__name__}: ({message})[^\n]*$"):
        testing.check_baseline(baseline(), context)


class MeanError(Metric):
    """Mean absolute error; without a fault."""

    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        error = (prediction - target).abs() * weight
        return {"error": error.double().flatten(1).sum(1), "weight": weight.double().flatten(1).sum(1)}

    def combine(self, totals: Any) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(totals["error"] / totals["weight"])

    def units(self, units: str) -> str:
        return units


class ByBatch(MeanError):
    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        return super().statistics(prediction - (prediction - target).mean(), target, weight)


class Weightless(MeanError):
    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        return super().statistics(prediction, target, torch.ones_like(weight))


class ForgivesNaN(MeanError):
    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        return super().statistics(torch.where(prediction.isnan(), target, prediction), target, weight)


class ZeroOfNothing(MeanError):
    def combine(self, totals: Any) -> np.ndarray:
        return np.nan_to_num(super().combine(totals)) + 0 * totals["error"]


class Single(MeanError):
    def statistics(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Statistics:
        return {name: value.float() for name, value in super().statistics(prediction, target, weight).items()}


class Shifted(MeanError):
    def combine(self, totals: Any) -> np.ndarray:
        return super().combine(totals) + 0.1


class Sum(MeanError):
    def combine(self, totals: Any) -> np.ndarray:
        return np.asarray(totals["error"])


class BestWhenLarge(MeanError):
    best = "largest"


class BestWhenHigh(MeanError):
    best = "high"  # type: ignore[assignment]


class NoUnits(MeanError):
    def units(self, units: str) -> str:
        return "furlongs per fortnight!"


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (ByBatch, "in other batches it is"),
        (Weightless, "cells of weight 0 change it"),
        (ForgivesNaN, "with a record of NaN that counts it is"),
        (ZeroOfNothing, "where nothing counts it is 0"),
        (Single, r"the statistic 'error' is torch\.float32"),
        (Shifted, r"a perfect prediction has 0\.1; expected 0"),
        (Sum, "with every record twice it is"),
        (BestWhenLarge, r"by its `best`, 'largest', a perfect prediction \(0\) is worse than a bad one"),
        (BestWhenHigh, "its `best` is 'high'; expected one of"),
        (NoUnits, "its units do not parse"),
    ],
)
def test_a_faulty_metric_is_found(metric: type[Metric], message: str) -> None:
    testing.check_metric(MeanError(), best=0.0)
    with pytest.raises(AssertionError, match=rf"^metric {metric.__name__}: ({message})[^\n]*$"):
        testing.check_metric(metric(), best=0.0)


class Lines(Plot):
    """The heat of each record; without a fault."""

    def __call__(self, examples: Examples) -> dict[str, Figure]:
        figure = Figure()
        figure.subplots().plot(examples.data["heat"].values.reshape(examples.data.sizes["sample"], -1).T)
        return {"heat": figure}


class OfPyplot(Lines):
    def __call__(self, examples: Examples) -> dict[str, Any]:
        from matplotlib import pyplot

        figure, axes = pyplot.subplots()
        axes.plot(examples.data["heat"].values.ravel())
        return {"heat": figure}


class Empty(Lines):
    def __call__(self, examples: Examples) -> dict[str, Figure]:
        return {}


class Writes(Lines):
    def __call__(self, examples: Examples) -> dict[str, Figure]:
        examples.data["heat"].values[:] = 0.0
        return super().__call__(examples)


class NeedsThree(Lines):
    def __call__(self, examples: Examples) -> dict[str, Figure]:
        return super().__call__(examples) if examples.data.sizes["sample"] > 2 else {}


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        (OfPyplot, "it opens a figure of pyplot"),
        (Empty, "it draws nothing; expected"),
        (Writes, "it changes the examples"),
        (NeedsThree, "it draws nothing of one example"),
    ],
)
def test_a_faulty_plot_is_found(plot: type[Plot], message: str) -> None:
    from matplotlib import pyplot

    testing.check_plot(Lines(), examples())
    with pytest.raises(AssertionError, match=rf"^plot {plot.__name__}: ({message})[^\n]*$"):
        testing.check_plot(plot(), examples())
    pyplot.close("all")
