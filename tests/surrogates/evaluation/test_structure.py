"""SSIM of fields in physical units: scaled by the valid range, example by example, masked cells outside."""

import numpy as np
import pytest
import torch

from datasets.store.specs import VariableSpec
from surrogates.core.build import build
from surrogates.evaluation.structure import SSIM
from surrogates.nn.similarity import structural_similarity

VELOCITY = VariableSpec(
    name="velocity_model",
    dims=("sample", "depth", "lateral"),
    shape=(14, 16),
    units="m s-1",
    minimum=1500,
    maximum=4500,
)


def fields(count: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    target = rng.uniform(1500, 4500, (count, 14, 16))
    prediction = target + 300 * rng.normal(size=target.shape)
    return torch.from_numpy(prediction), torch.from_numpy(target), torch.ones(target.shape)


def score(metric: SSIM, *parts: object, spec: VariableSpec = VELOCITY) -> float:
    totals = {key: values.sum(0).numpy() for key, values in metric.statistics(*parts, spec).items()}
    return float(metric.combine(totals))


def test_the_valid_range_becomes_zero_to_one() -> None:
    prediction, target, weight = fields()
    expected = structural_similarity((prediction - 1500) / 3000, (target - 1500) / 3000).mean().item()
    assert score(build("metrics", {"name": "ssim"}), prediction, target, weight) == pytest.approx(expected)
    same = build("metrics", {"name": "ssim", "minimum": 1500, "maximum": 4500})
    assert score(same, prediction, target, weight) == pytest.approx(expected)
    assert score(SSIM(0, 1e6), prediction, target, weight) != pytest.approx(expected, abs=1e-3)


def test_each_example_counts_alike_however_many_of_its_cells_do() -> None:
    prediction, target, weight = fields(2)
    weight[1, 3:] = 0
    alone = [score(SSIM(), prediction[i : i + 1], target[i : i + 1], weight[i : i + 1]) for i in (0, 1)]
    assert score(SSIM(), prediction, target, weight) == pytest.approx(np.mean(alone))
    assert alone[0] != pytest.approx(alone[1], abs=1e-3)


def test_what_stands_in_cells_that_do_not_count_is_of_no_matter() -> None:
    prediction, target, weight = fields(1)
    weight[:, :, 8:] = 0
    cropped = score(SSIM(), prediction[:, :, :8], target[:, :, :8], weight[:, :, :8])
    prediction[:, :, 8:] = 0.0
    assert score(SSIM(), prediction, target, weight) == pytest.approx(cropped)


def test_what_has_no_range_or_is_no_image_has_no_score() -> None:
    prediction, target, weight = fields()
    unbounded = VELOCITY.model_copy(update={"minimum": None})
    assert np.isnan(score(SSIM(), prediction, target, weight, spec=unbounded))
    line = [values[:, 0] for values in (prediction, target, weight)]
    assert np.isnan(score(SSIM(), *line))
    assert np.isfinite(score(SSIM(), prediction, target, weight))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minimum": 1500}, "minimum is 1500.0 and maximum None; give both"),
        ({"minimum": 4500, "maximum": 1500}, "minimum is 4500, not below maximum 1500"),
    ],
)
def test_half_a_range_and_one_that_is_turned_round_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build("metrics", {"name": "ssim", **arguments})


def test_volumes_are_compared_whole_or_layer_by_layer() -> None:
    rng = np.random.default_rng(1)
    target = torch.from_numpy(rng.uniform(0, 1, (2, 5, 12, 12)))
    prediction, weight = (target + 0.1).clamp(max=1.0), torch.ones(target.shape)
    whole, layers = (score(SSIM(0, 1, d), prediction, target, weight) for d in (3, 2))
    assert whole == pytest.approx(structural_similarity(prediction, target, 3).mean().item())
    assert layers == pytest.approx(structural_similarity(prediction, target).mean().item())
    flat = prediction[:, 0], target[:, 0], weight[:, 0]
    assert np.isnan(score(SSIM(0, 1, 3), *flat))
