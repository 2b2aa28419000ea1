"""Gathers with compressed amplitudes beside variables that stay as they are."""

import pytest
import torch

from datasets.seismic.variables import gather_spec, velocity_spec
from surrogates.core.errors import ConfigError
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.transform import Transform
from tests.surrogates.domains.seismic.small import SURVEY

GATHER, VELOCITY = gather_spec(SURVEY), velocity_spec(24, 24)
GRIDS = {"grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}


def transform(inputs: list, **arguments: object):  # type: ignore[no-untyped-def]
    node = {"name": "seismic/gathers", **GRIDS, **arguments}
    return Transform.build(node, Context.of(inputs, [VELOCITY]))


def test_amplitudes_become_logarithms_and_keep_their_sign() -> None:
    gathers = torch.randn(2, 3, 40, 24) * 20
    channels = transform([GATHER])({"shot_gather": gathers}).channels
    assert channels.shape == (2, 3, 40, 24)
    expected = torch.log(1 + gathers.abs()) * torch.where(gathers < 0, -1, 1)
    torch.testing.assert_close(channels, expected)
    stronger = transform([GATHER], k=100.0)({"shot_gather": gathers}).channels
    torch.testing.assert_close(stronger.abs(), torch.log1p(100 * gathers.abs()))


def test_only_the_gathers_are_compressed() -> None:
    frequency = GATHER.model_copy(update={"name": "source_frequency", "dims": ("sample",), "shape": ()})
    channels = transform([GATHER, frequency])(
        {"shot_gather": torch.ones(2, 3, 40, 24), "source_frequency": torch.tensor([5.0, 25.0])}
    ).channels
    assert channels.shape[1] == 4
    torch.testing.assert_close(channels[1, 3], torch.full((40, 24), 25.0))
    torch.testing.assert_close(channels[:, 0], torch.full((2, 40, 24), 2.0).log())


def test_channels_are_normalised_to_the_extremes_of_training_and_models_answer_their_range() -> None:
    config = PipelineConfig(
        inputs=[GATHER],
        targets=[VELOCITY],
        transform={"name": "seismic/gathers", "grid": [], "target_grid": []},
        network={"name": "mlp", "width": 2, "depth": 1},
        normalisation={"inputs": "min_max", "targets": "min_max"},
    )
    pipeline = Pipeline(config)
    batch = {
        "shot_gather": 30 * torch.randn(16, 3, 40, 24),
        "velocity_model": 1500 + 3000 * torch.rand(16, 24, 24),
    }
    pipeline.fit_normalisers([batch])
    channels = pipeline.input_normaliser(pipeline.features(batch).channels)
    assert (channels.min().item(), channels.max().item()) == pytest.approx((-1, 1), abs=1e-5)
    assert pipeline.config.transform["k"] == 1.0


def test_without_gathers_among_the_inputs_it_is_refused() -> None:
    with pytest.raises(ConfigError, match="the inputs are velocity_model, expected 'shot_gather'"):
        transform([VELOCITY])
