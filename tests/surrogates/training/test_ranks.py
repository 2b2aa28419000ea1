"""What one process has to know of a group, without a group."""

import torch
from torch import nn

from datasets.store.specs import VariableSpec
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.learning.selection import freeze
from surrogates.training.ranks import depends_on_all


def test_looking_for_idle_weights_leaves_frozen_statistics_in_evaluation():
    spec = {"dims": ("sample",), "shape": ()}
    config = PipelineConfig(
        inputs=[VariableSpec(name="a", **spec)],
        targets=[VariableSpec(name="b", **spec)],
        network={"name": "mlp", "width": 4},
    )
    pipeline = Pipeline(config)
    pipeline.network = nn.Sequential(nn.BatchNorm1d(1), nn.Linear(1, 1)).train()
    pipeline.train()
    freeze(pipeline.network, ["0.*"])
    batch = {"a": torch.randn(8), "b": torch.randn(8)}
    assert depends_on_all(pipeline, Regression(pipeline.context), batch)
    assert [module.training for module in pipeline.network] == [False, True]
    before = pipeline.network[0].running_mean.clone()
    pipeline(batch)
    assert torch.equal(pipeline.network[0].running_mean, before)
