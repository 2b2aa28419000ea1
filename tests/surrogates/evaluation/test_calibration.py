"""Every method gets the calibration of its own errors, on the cells that count."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.data.batch import Batch
from surrogates.evaluation import calibration
from surrogates.evaluation.bootstrap import Blocks
from surrogates.evaluation.calibration import calibrate
from surrogates.evaluation.evaluate import Target, evaluate
from surrogates.evaluation.probabilistic import Coverage, gaussian_coverage

GAIN = VariableSpec(name="gain", dims=("sample", "x"), shape=(40,), missing=True)
TARGET = Target(GAIN, valid_min=-140)


def batches(seed: int, count: int, size: int = 16) -> Iterator[Batch]:
    rng = np.random.default_rng(seed)
    scale = rng.uniform(1, 5, (count, 40)).astype(np.float32)
    gain = (-100 + scale * rng.standard_t(3, scale.shape)).astype(np.float32)
    gain[:, 0] = np.nan
    gain[:, 1] = -1e4  # below the threshold
    for start in range(0, count, size):
        part = slice(start, start + size)
        yield {"scale": torch.from_numpy(scale[part]), "gain": torch.from_numpy(gain[part])}


def point(inputs: Batch, rng: torch.Generator) -> Batch:
    return {"gain": torch.full_like(inputs["scale"], -100.0)}


def sure(inputs: Batch, rng: torch.Generator) -> Batch:
    return {**point(inputs, rng), "gain_standard_deviation": inputs["scale"] / 4}


METHODS = {"point": point, "sure": sure}


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_point_and_overconfident_methods_reach_their_level_on_fresh_records(level: float) -> None:
    tables = calibrate(METHODS, batches(0, 500), [TARGET], np.arange(500))
    result = evaluate(
        METHODS,
        batches(1, 500),
        [TARGET],
        {"coverage": Coverage(level), "raw": gaussian_coverage(level)},
        Blocks.of(500),
        calibrations=tables,
    )
    assert tables["sure"]["gain"].relative
    assert not tables["point"]["gain"].relative
    for method in METHODS:
        assert result.value(method, "gain", "coverage") == pytest.approx(level, abs=0.01)
    assert result.value("sure", "gain", "raw") < 0.5
    assert np.isnan(result.value("point", "gain", "raw"))
    curves = {curve.method: curve for curve in result.curves}
    np.testing.assert_allclose(curves["sure"].calibrated, curves["sure"].levels, atol=0.015)
    assert curves["point"].gaussian is None


def test_the_calibration_does_not_depend_on_the_batches() -> None:
    one, many = (
        calibrate(METHODS, batches(0, 32, size), [TARGET], np.arange(32))["sure"]["gain"] for size in (32, 5)
    )
    assert one == many
    assert one.blocks == 32
    assert one.count == pytest.approx(32 * 38)


def test_of_many_records_fewer_cells_each_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = calibrate(METHODS, batches(0, 500), [TARGET], np.arange(500))["sure"]["gain"]
    monkeypatch.setattr(calibration, "MOST_SCORES", 5000)
    some = calibrate(METHODS, batches(0, 500), [TARGET], np.arange(500))["sure"]["gain"]
    assert whole.count == pytest.approx(500 * 38, rel=0.01) and some.count == pytest.approx(5000, rel=0.01)
    assert some.radius(0.9) == pytest.approx(whole.radius(0.9), rel=0.1)


def test_a_method_that_answers_nan_everywhere_has_no_calibration() -> None:
    def lost(inputs: Batch, rng: torch.Generator) -> Batch:
        return {"gain": torch.full_like(inputs["scale"], torch.nan)}

    assert calibrate({"lost": lost}, batches(0, 8), [TARGET], np.arange(8)) == {"lost": {}}


def test_a_deviation_of_zero_is_right_only_where_the_error_is_zero() -> None:
    def certain(inputs: Batch, rng: torch.Generator) -> Batch:
        answer = torch.full_like(inputs["scale"], -100.0)
        answer[:, :20] = torch.nan
        return {"gain": answer, "gain_standard_deviation": torch.zeros_like(answer)}

    batch = {"scale": torch.ones(10, 40), "gain": torch.full((10, 40), -100.0)}
    batch["gain"][:, 30:] = -90.0
    table = calibrate({"certain": certain}, [batch], [Target(GAIN)], np.arange(10))["certain"]["gain"]
    assert table.scores[-1] == 0.0
    assert table.shares[-1] == pytest.approx(0.25)


def test_a_deviation_of_another_shape_names_the_method() -> None:
    def wrong(inputs: Batch, rng: torch.Generator) -> Batch:
        return {**point(inputs, rng), "gain_standard_deviation": torch.ones(3)}

    with pytest.raises(ValueError, match="'wrong' predicts 'gain_standard_deviation' with shape"):
        evaluate({"wrong": wrong}, batches(1, 16), [TARGET], {"c": Coverage()}, Blocks.of(16))
