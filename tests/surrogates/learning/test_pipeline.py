"""The pipeline speaks physical units at both ends."""

import numpy as np
import pytest
import torch
from torch import nn

from datasets.store.specs import VariableSpec
from surrogates.core import build
from surrogates.core.errors import ConfigError
from surrogates.learning import piece
from surrogates.learning.context import Context
from surrogates.learning.layout import Layout, shared_grid
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.predictors import Direct
from surrogates.learning.transform import Features, Transform

FIELD = VariableSpec(name="field", dims=("sample", "y", "x"), shape=(4, 5))
LEVELS = VariableSpec(name="levels", dims=("sample", "y", "x", "level"), shape=(4, 5, 3))
NUMBER = VariableSpec(name="number", dims=("sample",), shape=())
SCENE = VariableSpec(name="scene", dims=("y", "x"), shape=(4, 5))
TARGET = VariableSpec(name="answer", dims=("sample", "y", "x"), shape=(4, 5), missing=True)


def batch_of(size=6):
    rng = torch.Generator().manual_seed(0)
    batch = {
        "field": 100 + 10 * torch.randn(size, 4, 5, generator=rng),
        "levels": torch.randn(size, 4, 5, 3, generator=rng),
        "number": torch.randn(size, generator=rng),
        "scene": torch.rand(4, 5, generator=rng),
    }
    batch["answer"] = -80 + 3 * batch["field"]
    return batch


def pipeline_of(inputs=(FIELD,), targets=(TARGET,), **options):
    return Pipeline(PipelineConfig(inputs=inputs, targets=targets, network={"name": "mlp"}, **options))


def test_grid_is_what_targets_and_inputs_share():
    curve = VariableSpec(name="curve", dims=("sample", "time"), shape=(7,))
    assert shared_grid([LEVELS, NUMBER], [TARGET], "sample") == ("y", "x")
    assert shared_grid([NUMBER], [curve], "sample") == ()


def test_layout_packs_inner_dimensions_as_channels_and_repeats_the_rest():
    layout = Layout((FIELD, LEVELS, NUMBER, SCENE), ("y", "x"), "sample")
    batch = batch_of()
    packed = layout.pack(batch)
    assert packed.shape == (6, 6, 4, 5)
    assert layout.names == ["field", "levels[0]", "levels[1]", "levels[2]", "number", "scene"]
    torch.testing.assert_close(packed[:, 2], batch["levels"][..., 1])
    torch.testing.assert_close(packed[3, 4], batch["number"][3].expand(4, 5))
    torch.testing.assert_close(packed[5, 5], batch["scene"])


@pytest.mark.parametrize("grid", [(), ("y",), ("y", "x"), ("level", "y"), ("x", "y")])
def test_layout_unpack_undoes_pack(grid):
    layout = Layout((LEVELS, LEVELS.model_copy(update={"name": "again"})), grid, "sample")
    values = {name: torch.randn(2, 4, 5, 3) for name in ("levels", "again")}
    for name, value in layout.unpack(layout.pack(values)).items():
        torch.testing.assert_close(value, values[name])


def test_identity_network_returns_denormalised_inputs():
    """mean_t + scale_t * (x - mean_x) / scale_x, computed here by hand."""
    pipeline = pipeline_of()
    pipeline.network = nn.Identity()
    batch = batch_of()
    pipeline.fit_normalisers([batch])
    x, y = batch["field"].double().numpy(), batch["answer"].double().numpy()
    expected = y.mean() + y.std() * (x - x.mean()) / x.std()
    np.testing.assert_allclose(pipeline(batch)["answer"].numpy(), expected, rtol=1e-4)


def test_normalisers_do_not_depend_on_the_batching():
    batch = batch_of(7)
    pieces = [{k: v[i : i + 3] if v.shape[0] == 7 else v for k, v in batch.items()} for i in (0, 3, 6)]
    whole, parts = pipeline_of((FIELD, LEVELS, SCENE)), pipeline_of((FIELD, LEVELS, SCENE))
    whole.fit_normalisers([batch])
    parts.fit_normalisers(pieces)
    torch.testing.assert_close(whole.input_normaliser.scale[:4], parts.input_normaliser.scale[:4])
    torch.testing.assert_close(whole.target_normaliser.mean, parts.target_normaliser.mean)


def test_masked_and_missing_targets_do_not_enter_the_normaliser():
    pipeline = pipeline_of()
    batch = batch_of()
    batch["inside"] = torch.zeros(6, 4, 5, dtype=torch.bool)
    batch["inside"][:, :2] = True
    batch["answer"][:, 2:] = 1e9
    batch["answer"][0] = torch.nan
    pipeline.fit_normalisers([batch], mask="inside")
    torch.testing.assert_close(pipeline.target_normaliser.mean[0], batch["answer"][1:, :2].mean())


def test_constant_channels_keep_their_scale():
    pipeline = pipeline_of((FIELD,))
    pipeline.fit_normalisers([{**batch_of(), "field": torch.full((6, 4, 5), 7.0)}])
    assert pipeline.input_normaliser.scale.tolist() == [1.0]


def test_missing_inputs_become_the_mean_and_say_so():
    sparse = FIELD.model_copy(update={"missing": True})
    pipeline = pipeline_of((sparse,))
    batch = batch_of()
    batch["field"][:, 0] = torch.nan
    pipeline.fit_normalisers([batch])
    assert pipeline.transform.channel_names == ["field", "field observed"]
    assert pipeline.transform(batch).channels[:, 1, 0].sum() == 0
    assert pipeline(batch)["answer"].isfinite().all()


class Residual(Transform):
    """Pass the field on and let the network learn what is left of the answer."""

    channel_names = ("field",)
    in_channels = 1

    def forward(self, inputs):
        field = inputs["field"].unsqueeze(1)
        return Features(field, offset=2 * field)


def test_offset_is_taken_from_the_targets_and_given_back(monkeypatch):
    real = piece.resolve
    for module in (build, piece):
        monkeypatch.setattr(
            module, "resolve", lambda kind, name: Residual if kind == "transforms" else real(kind, name)
        )
    pipeline = pipeline_of(transform={"name": "residual"})
    batch = batch_of()
    pipeline.fit_normalisers([batch])
    left = batch["answer"] - 2 * batch["field"]
    torch.testing.assert_close(pipeline.target_normaliser.mean[0], left.mean())
    pipeline.network = nn.Identity()
    expected = left.mean() + (batch["field"] - batch["field"].mean()) + 2 * batch["field"]
    torch.testing.assert_close(pipeline(batch)["answer"], expected, rtol=1e-4, atol=1e-2)


def test_config_holds_every_default_and_survives_json():
    pipeline = pipeline_of()
    assert pipeline.config.network == {"name": "mlp", "width": 128, "depth": 3, "activation": "gelu"}
    again = Pipeline(PipelineConfig.model_validate_json(pipeline.config.model_dump_json()))
    again.load_state_dict(pipeline.state_dict())
    torch.testing.assert_close(again(batch_of())["answer"], pipeline(batch_of())["answer"])


def test_target_without_the_record_dimension_is_refused():
    with pytest.raises(ConfigError, match=r"'?scene'? has no dimension 'sample'"):
        pipeline_of((FIELD,), (SCENE,))


def test_direct_predictor_is_the_forward_pass():
    pipeline = pipeline_of()
    torch.testing.assert_close(Direct()(pipeline, batch_of())["answer"], pipeline(batch_of())["answer"])


def test_pipeline_builds_on_the_meta_device():
    with torch.device("meta"):
        pipeline = pipeline_of((FIELD, LEVELS))
    assert all(value.is_meta for value in pipeline.state_dict().values())


def test_autocast_answers_in_float32():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = Regression(Context.of([FIELD], [TARGET]))(pipeline_of(), batch_of(), torch.Generator())
        assert pipeline_of()(batch_of())["answer"].dtype == torch.float32
    assert loss.dtype == torch.float32


def test_gaussian_pipeline_answers_deviations_in_the_units_of_the_targets():
    levels = LEVELS.model_copy(update={"name": "profile"})
    pipeline = pipeline_of((FIELD,), (TARGET, levels), head={"name": "gaussian"})
    assert pipeline.network.layers[-1].out_features == 2 * 4
    torch.nn.init.zeros_(pipeline.network.layers[-1].weight)
    torch.nn.init.zeros_(pipeline.network.layers[-1].bias)
    batch = batch_of()
    batch["profile"] = batch["levels"] * torch.tensor([1.0, 10.0, 100.0])
    pipeline.fit_normalisers([batch])
    answer = pipeline(batch)
    assert set(answer) == {"answer", "profile", "answer_standard_deviation", "profile_standard_deviation"}
    # A network that answers nothing says: the mean of the data, with their standard deviation.
    deviation = batch["profile"].std((0, 1, 2), correction=0)
    torch.testing.assert_close(answer["profile_standard_deviation"], deviation.expand(6, 4, 5, 3))
    torch.testing.assert_close(
        answer["answer_standard_deviation"][0, 0, 0], batch["answer"].std(correction=0), rtol=1e-5, atol=0
    )


def test_deviations_stay_positive_and_finite_whatever_the_network_answers():
    pipeline = pipeline_of((FIELD,), (TARGET,), head={"name": "gaussian"})
    for value in (-1e9, 1e9):
        torch.nn.init.constant_(pipeline.network.layers[-1].bias, value)
        deviation = pipeline(batch_of())["answer_standard_deviation"]
        assert deviation.isfinite().all()
        assert (deviation > 0).all()


def test_a_mask_of_other_dimensions_of_the_same_lengths_is_refused():
    turned = VariableSpec(name="seen", dims=("sample", "level", "x"), shape=(4, 5), dtype="bool")
    config = PipelineConfig(inputs=(FIELD,), targets=(TARGET,), network={"name": "mlp"})
    batch = {**batch_of(), "seen": torch.ones(6, 4, 5, dtype=torch.bool)}
    with pytest.raises(ConfigError, match=r"mask .seen. has shape .* or other dimensions"):
        Pipeline(config, Context.of([FIELD], [TARGET], turned)).masks.weight(batch, "seen")
    own = turned.model_copy(update={"dims": TARGET.dims})
    assert Pipeline(config, Context.of([FIELD], [TARGET], own)).masks.weight(batch, "seen").shape == (
        6,
        1,
        4,
        5,
    )
    columns = PipelineConfig(inputs=(FIELD,), targets=(TARGET,), network={"name": "mlp"})
    columns = columns.model_copy(update={"transform": {"name": "stack", "grid": ["x", "y"]}})
    batch["seen"][:, 0] = False
    weight = Pipeline(columns, Context.of([FIELD], [TARGET], own)).masks.weight(batch, "seen")
    assert weight.shape == (6, 1, 5, 4) and not weight[..., 0].any() and weight[..., 1:].all()


def test_each_target_may_have_a_mask_of_its_own():
    """Weights stand in the channels of their target; a target without a mask counts everywhere."""
    cells = {"dims": ("sample", "y", "x"), "dtype": "bool"}
    wave = VariableSpec(name="wave", dims=("sample", "part", "y", "x"), shape=(2, 4, 5), dtype="complex64")
    flat = VariableSpec(name="flat", dims=("sample", "y", "x"), shape=(4, 5))
    seen = VariableSpec(name="seen", **cells, shape=(4, 5))
    whole = VariableSpec(name="whole", dims=wave.dims, shape=wave.shape, dtype="bool")
    targets, rng = [TARGET, wave, flat], np.random.default_rng(0)
    shapes = {"seen": (6, 4, 5), "whole": (6, 2, 4, 5)}
    batch = batch_of() | {name: torch.from_numpy(rng.random(shape) < 0.5) for name, shape in shapes.items()}
    batch |= {"wave": torch.zeros(6, 2, 4, 5, dtype=torch.complex64), "flat": torch.zeros(6, 4, 5)}
    masks = {TARGET.name: seen, "wave": whole}
    context = Context.of([FIELD], targets, masks)
    config = PipelineConfig(
        inputs=(FIELD,),
        targets=tuple(targets),
        network={"name": "mlp"},
        transform={"name": "stack", "grid": ["y", "x"]},
    )
    pipeline = Pipeline(config, context)
    weight = pipeline.masks.weight(batch, context.mask_names)
    first, *parts, last = weight.unbind(1)
    assert torch.equal(first, batch["seen"].float()) and bool((last == 1).all())
    for number in (0, 1):
        for part in parts[2 * number : 2 * number + 2]:
            assert torch.equal(part, batch["whole"][:, number].float())
    assert context.masks == [seen, whole] and context.mask_of("flat") is None
    with pytest.raises(ConfigError, match=r"task.mask gives .* masks of their own, but a piece .* takes one"):
        _ = context.mask_name
