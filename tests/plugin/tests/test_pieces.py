"""The pieces of the package keep what their kinds promise."""

import torch

from surrogates import testing
from surrogates.core.registry import resolve
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig

RECIPE = resolve("recipes", "cooling/body").make({"samples": 32, "steps": 8})
SPECS = {spec.name: spec for spec in RECIPE.specs()}
CONTEXT = Context.of(
    [SPECS["start"], SPECS["time_constant"]],
    [SPECS["temperature"]],
    shared={str(name): values for name, values in RECIPE.shared().variables.items()},
)
BATCH = {
    "start": torch.tensor([310.0, 330.0, 350.0]),
    "time_constant": torch.tensor([200.0, 400.0, 600.0]),
    "temperature": torch.linspace(320.0, 300.0, 8).expand(3, -1),
}


def test_recipe() -> None:
    testing.check_recipe("cooling/body", {"samples": 32, "steps": 8})


def test_transform_network_and_head() -> None:
    testing.check_transform("cooling/factors", CONTEXT, BATCH)
    inputs = {"excess": torch.randn(3, 1), "left": torch.rand(3, 3)}
    testing.check_model("cooling/bilinear", inputs, (8,), sweep=[{}, {"bias": False}])
    testing.check_head("cooling/cautious")


def test_predictor() -> None:
    config = PipelineConfig(
        inputs=list(CONTEXT.inputs),
        targets=list(CONTEXT.targets),
        transform={"name": "cooling/factors"},
        network={"name": "cooling/bilinear"},
    )
    testing.check_predictor("cooling/bounded", Pipeline(config, CONTEXT), BATCH)


def test_baseline_and_metric() -> None:
    testing.check_baseline("cooling/newton", CONTEXT, [BATCH])
    testing.check_metric("cooling/warming", SPECS["temperature"])
