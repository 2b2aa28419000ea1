"""A trained pipeline inside another one is asked and never moved."""

import torch
from torch import nn

from surrogates.learning.frozen import FrozenPipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.testing import draw_batch
from tests.pieces.spine import FIELDS

CONFIG = PipelineConfig(
    inputs=list(FIELDS.inputs), targets=list(FIELDS.targets), network={"name": "unet", "width": 4, "depth": 1}
)


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = FrozenPipeline(CONFIG, FIELDS)
        self.scale = nn.Parameter(torch.ones(()))


def test_its_weights_are_not_trained() -> None:
    outer = Outer()
    assert [name for name, each in outer.named_parameters() if each.requires_grad] == ["scale"]


def test_batch_statistics_stay_while_the_outer_one_trains() -> None:
    outer, batch = Outer(), draw_batch(FIELDS)
    before = {name: value.clone() for name, value in outer.state_dict().items()}
    outer.train()
    assert not any(module.training for module in outer.inside.modules())
    (outer.inside(batch)["heat"].mean() * outer.scale).backward()
    for name, value in outer.state_dict().items():
        assert torch.equal(value, before[name]), name
