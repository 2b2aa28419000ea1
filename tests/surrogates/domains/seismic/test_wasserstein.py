"""The losses of VelocityGAN: for the network, for the critic, and outside training."""

import numpy as np
import pytest
import torch
from lightning.fabric import Fabric

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.domains.seismic.wasserstein import Wasserstein
from surrogates.experiment.config import TrainerConfig
from surrogates.learning.context import Context
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.training.module import LearningModule

GATHER = VariableSpec(name="gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 40, 16))
IMAGE = VariableSpec(name="image", dims=("sample", "depth", "lateral"), shape=(12, 16))
GRIDS = {"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
NETWORK = {"name": "inversion_net", "width": 2}
CONTEXT = Context.of([GATHER], [IMAGE])
CRITIC = {"critic": {"name": "velocity_critic", "width": 2}}


@pytest.fixture
def pipeline() -> Pipeline:
    torch.manual_seed(0)
    return Pipeline(PipelineConfig(inputs=[GATHER], targets=[IMAGE], transform=GRIDS, network=NETWORK))


@pytest.fixture
def batch() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    gather = torch.randn(6, 2, 40, 16, generator=generator)
    return {"gather": gather, "image": 0.5 * torch.randn(6, 12, 16, generator=generator)}


def draws() -> torch.Generator:
    return torch.Generator().manual_seed(0)


class Tilted(torch.nn.Module):
    """A critic with a known opinion: a multiple of the mean; its gradient has length slope / sqrt(cells)."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = torch.nn.Parameter(torch.tensor(slope))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.slope * image.flatten(1).mean(1)


def test_network_loss_is_both_errors_less_the_opinion_of_the_critic(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, l1=2.0, l2=3.0, adversarial=4.0)
    objective._critic = Tilted(5.0)
    loss, parts = objective(pipeline.train(), batch, draws())
    answer, target = pipeline(batch)["image"], batch["image"]
    error = 2 * (answer - target).abs().mean() + 3 * (answer - target).square().mean()
    torch.testing.assert_close(parts["error"], error.detach())
    torch.testing.assert_close(loss, error - 4 * 5 * answer.mean())


def test_critic_loss_is_the_distance_and_the_penalty_on_the_slope(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, penalty=10.0)
    objective._critic = Tilted(5.0)
    loss, parts = objective.critic_loss(pipeline.train(), batch, draws())
    with torch.no_grad():
        distance = 5 * (batch["image"].mean() - pipeline(batch)["image"].mean())
    torch.testing.assert_close(parts["wasserstein"], distance)
    torch.testing.assert_close(loss, 10 * (torch.tensor(5.0) / (12 * 16) ** 0.5 - 1).square() - distance)


def test_gradients_of_the_critic_loss_reach_the_critic_alone(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, **CRITIC)
    objective.critic_loss(pipeline.train(), batch, draws())[0].backward()
    assert all(parameter.grad is None for parameter in pipeline.parameters())
    assert any(parameter.grad.abs().max() > 0 for parameter in objective.critic(pipeline).parameters())


def test_a_critic_learns_to_tell_answers_from_fields(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, **CRITIC)
    optimiser = torch.optim.Adam(objective.critic(pipeline).parameters(), 1e-3)
    seen = []
    for _ in range(60):
        optimiser.zero_grad()
        loss, parts = objective.critic_loss(pipeline.train(), batch, draws())
        loss.backward()
        optimiser.step()
        seen.append(float(parts["wasserstein"]))
    assert np.mean(seen[-5:]) > np.mean(seen[:5]) + 0.1


def test_validation_scores_the_error_alone(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, **CRITIC)
    loss, parts = objective(pipeline.eval(), batch, draws())
    torch.testing.assert_close(loss, parts["error"])
    assert set(parts) == {"error"}


def test_targets_that_are_no_images_are_refused() -> None:
    number = VariableSpec(name="depth", dims=("sample",), shape=())
    config = PipelineConfig(inputs=[number], targets=[number], network={"name": "mlp"})
    with pytest.raises(
        ConfigError, match=r"^objective 'wasserstein': the targets' grid is \(\), but .*; give"
    ):
        Wasserstein(CONTEXT).critic(Pipeline(config))


def test_clipping_is_that_of_each_optimiser(pipeline, batch) -> None:
    objective = Wasserstein(CONTEXT, **CRITIC, critic_steps=2)
    settings, fabric = TrainerConfig(max_steps=2, gradient_clip=1e-4), Fabric(accelerator="cpu")
    module = LearningModule(pipeline.train(), objective, settings, steps=2, seed=0, fabric=fabric)
    for parameter in module.pipeline.parameters():
        parameter.grad = torch.full_like(parameter, 10.0)
    module.training_step(batch)

    def norm(network: torch.nn.Module) -> float:
        return float(torch.stack([p.grad.square().sum() for p in network.parameters()]).sum().sqrt())

    assert norm(module.critic) == pytest.approx(1e-4, rel=2e-2)
    assert norm(module.pipeline) > 100  # its own turn comes with the second step
    module.training_step(batch)
    assert norm(module.pipeline) == pytest.approx(1e-4, rel=2e-2)
