"""Scales that records bring themselves, and dimensions that are folded into the batch."""

import numpy as np
import pytest
import torch

from datasets.store.specs import DECIBEL, VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transforms import Stack

WAVE = VariableSpec(
    name="wave", dims=("sample", "port", "time", "y"), shape=(3, 2, 4), dtype="complex64", units="V"
)
AHEAD = WAVE.model_copy(update={"name": "ahead", "dims": ("sample", "port", "horizon", "y")})
POWER = VariableSpec(name="power", dims=("sample",), shape=(), units="W")
FOLDED = {"name": "stack", "fold": ["port"]}


def batch(count: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    strength = 10.0 ** torch.linspace(-3, 3, count).view(-1, 1, 1, 1)
    return {
        "wave": strength * torch.randn(count, 3, 2, 4, dtype=torch.complex64, generator=generator),
        "ahead": strength * torch.randn(count, 3, 2, 4, dtype=torch.complex64, generator=generator),
        "power": torch.rand(count, generator=generator),
        "inside": torch.rand(count, 4, generator=generator) < 0.7,
    }


def pipeline(transform, head="gaussian", normalisation="standard"):
    torch.manual_seed(0)
    config = PipelineConfig(
        inputs=[WAVE, POWER],
        targets=[AHEAD],
        transform=transform,
        head={"name": head},
        normalisation=normalisation,
        network={"name": "mlp", "width": 8, "depth": 1},
    )
    made = Pipeline(config)
    made.fit_normalisers([batch(16, seed=1)])
    return made.eval()


def test_channels_have_unit_power_in_every_record():
    stack = Stack(Context.of([WAVE, POWER], [AHEAD]), fold=("port",), scale_by="wave")
    features = stack(batch(6))
    parts = features.tensor[:, :4].view(6, 3, 2, 2, 4)
    np.testing.assert_allclose(parts.square().sum(3).mean((1, 2, 3)), 1.0, rtol=1e-5)
    assert stack.channel_names == [
        *("wave.real[0]", "wave.imag[0]", "wave.real[1]", "wave.imag[1]"),
        "power",
    ]


def test_a_missing_cell_does_not_count_and_waves_too_weak_to_be_squared_do():
    known = WAVE.model_copy(update={"missing": True})
    stack = Stack(Context.of([known], [AHEAD]), fold=("port",), scale_by="wave")
    given = {"wave": 1e-25 * torch.ones(2, 3, 2, 4, dtype=torch.complex64)}
    given["wave"][0, 1] = torch.nan
    channels = stack(given).tensor
    np.testing.assert_allclose(channels[[0, 2, 3, 4, 5], 0], 1.0, rtol=1e-5)
    assert channels[1, :4].isnan().all()
    assert channels[:, 4:].mean((1, 2)).tolist() == [1, 0, 1, 1, 1, 1]  # whether a number was observed


@pytest.mark.parametrize("fold", [[], ["port"], ["port", "time"]])
def test_each_record_is_answered_alone_in_any_order(fold):
    target_fold = [dim for dim in fold if dim != "time"]  # the targets have a horizon instead
    made = pipeline({"name": "stack", "fold": target_fold, "scale_by": "wave"})
    records = batch(9)
    with torch.no_grad():
        whole = made(records)
        order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
        shuffled = made({name: value[order] for name, value in records.items()})
        single = made({name: value[4:5] for name, value in records.items()})
    for name, value in whole.items():
        torch.testing.assert_close(shuffled[name], value[order], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(single[name], value[4:5], rtol=1e-5, atol=1e-6)


def test_the_answer_scales_with_the_record():
    made, records = pipeline({**FOLDED, "scale_by": "wave"}), batch(5)
    with torch.no_grad():
        one, hundred = made(records), made({**records, "wave": 100 * records["wave"]})
    torch.testing.assert_close(hundred["ahead"], 100 * one["ahead"], rtol=1e-4, atol=0)
    deviation = "ahead_standard_deviation"
    torch.testing.assert_close(hundred[deviation], 100 * one[deviation], rtol=1e-4, atol=0)


def test_the_loss_is_that_of_the_scaled_records():
    made, records = pipeline({**FOLDED, "scale_by": "wave"}, head="point"), batch(5)
    features = made.features(records)
    strength = records["wave"].abs().square().mean((1, 2, 3)).sqrt()
    target = made.normalised_targets(records, features)
    expected = made.layout.pack({"ahead": records["ahead"] / strength.view(-1, 1, 1, 1)})
    torch.testing.assert_close(
        target, expected / made.target_normaliser.scale.view(1, -1, 1), rtol=1e-4, atol=1e-6
    )


def test_a_mask_hides_the_same_cells_of_all_folded_entries():
    made, records = pipeline(FOLDED), batch(5)
    inside = VariableSpec(name="inside", dims=("sample", "y"), shape=(4,), dtype="bool")
    loss = Regression(Context.of([WAVE, POWER], [AHEAD], inside))
    rng = torch.Generator()
    hidden = {**records, "ahead": records["ahead"].where(records["inside"][:, None, None], 1e6)}
    torch.testing.assert_close(loss(made, hidden, rng)[0], loss(made, records, rng)[0])


def test_silence_is_answered_with_a_warning():
    made, records = pipeline({**FOLDED, "scale_by": "wave"}), batch(3)
    records["wave"][1] = 0
    with pytest.warns(UserWarning, match="'wave' is zero or unknown in all cells of a record"):
        answer = made(records)
    assert answer["ahead"].isfinite().all()


def test_the_published_scale_of_a_batch_says_that_predictions_depend_on_it():
    with pytest.warns(UserWarning, match="predictions depend on which records are predicted together"):
        made = pipeline({**FOLDED, "scale_by": "wave", "scale_over": "batch"}, head="point")
    records = batch(6)
    channels = made.features(records).tensor[:, :4]
    assert float(channels.mean()) == pytest.approx(0.0, abs=1e-5)
    assert float(channels.std(correction=0)) == pytest.approx(1.0, rel=1e-5)
    with torch.no_grad():
        alone, together = made({n: v[3:4] for n, v in records.items()}), made(records)
    assert (alone["ahead"][0] - together["ahead"][3]).abs().max() > 1e-3


def test_the_network_sees_one_row_for_each_entry_and_the_answer_has_the_dimension():
    made, records = pipeline(FOLDED), batch(5)
    features = made.features(records)
    assert features.tensor.shape == (15, 5, 4)
    assert made.normalised(features).shape == (15, 2 * 4, 4)
    assert made(records)["ahead"].shape == (5, 3, 2, 4)
    torch.testing.assert_close(features.tensor[7, 2], records["wave"][2, 1, 1].real)


def test_both_parts_of_a_gaussian_share_one_variance_and_a_walk_adds_it_up():
    made, records = pipeline(FOLDED), batch(5)
    _, log_variance = made.head.mean_and_log_variance(made.normalised(made.features(records)))
    torch.testing.assert_close(log_variance[:, ::2], log_variance[:, 1::2])
    said = made.said(made.features(records)).deviation
    whole = made(records)["ahead_standard_deviation"]
    torch.testing.assert_close(whole[1, 2, 1], 2**0.5 * said[5, 2])
    carried = {**records, "ahead_standard_deviation": whole}
    features = made.features(records)
    ratio = made.past_ratio(carried, features, made.normalised(features))
    torch.testing.assert_close(ratio, torch.ones_like(ratio))


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"scale_by": "waves"}, "task.transform.scale_by: no input 'waves'. Did you mean 'wave'?"),
        ({"scale_by": "power"}, "'ahead' is in V, 'power' in W; expected the same units"),
        ({"fold": ["horizon", "ports"]}, "no variable has the dimension 'ports'. Did you mean 'port'?"),
        ({"fold": ["sample"]}, "has no dimension 'sample' of its own"),
        ({"fold": ["port"], "grid": ["port", "y"]}, "'port' is also a dimension of the grid"),
    ],
)
def test_what_does_not_fit_is_refused(transform, message):
    with pytest.raises(ConfigError) as refused:
        pipeline({"name": "stack", **transform})
    assert message in str(refused.value)


def test_decibels_have_no_strength_to_be_divided_by():
    gain = VariableSpec(name="gain", dims=("sample", "y"), shape=(4,), units="degree_Celsius")
    with pytest.raises(ConfigError, match="on a scale that has a zero"):
        Stack(Context.of([gain], [gain.model_copy(update={"name": "more"})]), scale_by="gain")
    gain = gain.model_copy(update={"units": DECIBEL})
    with pytest.raises(ConfigError, match="on a scale that has a zero"):
        Stack(Context.of([gain], [gain.model_copy(update={"name": "more"})]), scale_by="gain")
