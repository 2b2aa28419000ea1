"""Networks and objectives for points are held to what they promise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from datasets.store.specs import VariableSpec
from surrogates import testing
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from tests.operators import Operator, Residual, installed

INPUTS = {"branch": torch.randn(3, 1, 16), "trunk": torch.rand(3, 5, 2)}


def test_a_network_at_points_is_built_by_name_and_held_to_its_contract(tmp_path: Path) -> None:
    with installed(tmp_path / "plugin"):
        testing.check_model("tests/operator", INPUTS, (2, 5), sweep=[{}, {"width": 4}], at_points="trunk")


class Mixing(Operator):
    """Looks at the mean of all points."""

    def forward(self, branch: Tensor, trunk: Tensor) -> Tensor:
        return super().forward(branch, trunk - trunk.mean(-2, keepdim=True))


class Shifting(Operator):
    """Takes shared points for others."""

    def forward(self, branch: Tensor, trunk: Tensor) -> Tensor:
        return super().forward(branch, trunk + (trunk.ndim == 2))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Mixing, "points are answered otherwise.*points that do not see each other, in any number"),
        (Shifting, "points that all records share are answered otherwise"),
    ],
)
def test_a_network_that_breaks_the_contract_is_told(network: type[nn.Module], message: str) -> None:
    arguments: Mapping[str, Any] = {"in_channels": {"branch": 1, "trunk": 2}, "in_shape": {"branch": (16,)}}
    with pytest.raises(AssertionError, match=message):
        testing.check_model(network(**arguments, out_channels=2), INPUTS, (2, 5), at_points="trunk")


def test_an_objective_that_differentiates_is_checked_with_gradients(tmp_path: Path) -> None:
    each = {"dims": ("sample", "point"), "shape": (5,)}
    inputs = [
        VariableSpec(name="initial", dims=("sample", "sensor"), shape=(16,), units="K"),
        VariableSpec(name="x", **each, units="m"),
        VariableSpec(name="time", **each, units="s"),
    ]
    context = Context.of(inputs, [VariableSpec(name="u", **each, units="K")])
    config = PipelineConfig(
        inputs=inputs,
        targets=list(context.targets),
        transform={"name": "points"},
        network={"name": "tests/operator", "width": 8},
    )
    with installed(tmp_path / "plugin"):
        torch.manual_seed(0)
        pipeline = Pipeline(config, context)
        testing.check_objective(Residual(), pipeline, testing.draw_batch(context), hides=False)
