"""Average, schedules, progress, state: the small parts of training."""

import pytest
import torch
from lightning.fabric import Fabric
from torch import nn

from datasets.store.specs import VariableSpec
from surrogates.experiment.config import TrainerConfig
from surrogates.learning.contract import Objective
from surrogates.learning.objectives import Regression
from surrogates.learning.pipeline import Pipeline
from surrogates.learning.pipeline_config import PipelineConfig
from surrogates.training.ema import Average
from surrogates.training.module import LearningModule
from surrogates.training.optimisers import Constant, Cosine, Plateau, Stepwise, adam, adamax, adamw


def test_average_follows_its_recurrence():
    layer = nn.Linear(2, 1)
    average = Average(layer, 0.5)
    expected = layer.weight.detach().clone()
    for update in range(1, 9):
        with torch.no_grad():
            layer.weight.add_(1.0)
        average.update()
        decay = min(0.5, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
    live = layer.weight.detach().clone()
    with average.applied():
        torch.testing.assert_close(layer.weight.detach(), expected)
    torch.testing.assert_close(layer.weight.detach(), live, rtol=0, atol=0)


def test_average_takes_in_the_statistics_of_batch_normalisation():
    layer = nn.BatchNorm1d(1)
    average = Average(layer, 0.5)
    layer.running_mean.fill_(1.0)
    average.update()  # early decay (1 + 1) / (10 + 1)
    with average.applied():
        torch.testing.assert_close(layer.running_mean, torch.tensor([1 - 2 / 11]))
        assert int(layer.num_batches_tracked) == 0
    torch.testing.assert_close(layer.running_mean, torch.tensor([1.0]))


def test_gradient_is_clipped_to_the_given_norm():
    config = PipelineConfig(
        inputs=[VariableSpec(name="a", dims=("sample",), shape=())],
        targets=[VariableSpec(name="b", dims=("sample",), shape=())],
        network={"name": "mlp", "width": 4},
    )
    settings = TrainerConfig(max_steps=1, gradient_clip=1e-3)
    pipeline = Pipeline(config)
    objective = Regression(pipeline.context)
    module = LearningModule(pipeline, objective, settings, steps=1, seed=0, fabric=Fabric(accelerator="cpu"))
    module.training_step({"a": torch.linspace(-1, 1, 8), "b": torch.full((8,), 5.0)})
    norm = torch.stack([p.grad.square().sum() for p in module.pipeline.parameters()]).sum().sqrt()
    assert float(norm) == pytest.approx(1e-3, rel=1e-2)


def test_average_survives_a_round_trip():
    layer = nn.Linear(2, 1)
    average, again = Average(layer, 0.9), Average(layer, 0.9)
    with torch.no_grad():
        layer.weight.add_(1.0)
    average.update()
    again.load_state_dict(average.state_dict())
    torch.testing.assert_close(again.state_dict(), average.state_dict(), rtol=0, atol=0)


def test_cosine_falls_from_one_to_its_end():
    factor = Cosine(steps=100, warmup=10, final=0.1)
    assert factor(0) == pytest.approx(1 / 11)
    assert factor(10) == pytest.approx(1.0)
    assert factor(55) == pytest.approx(0.55)
    assert factor(100) == factor(1000) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "given",
    [{}, {"patience": 2, "factor": 0.5}, {"patience": 0, "cooldown": 3, "smallest": 0.05, "threshold": 0.1}],
)
def test_plateau_is_torchs_whatever_the_losses(given):
    losses = (torch.linspace(1.0, 0.3, 120) + 0.2 * torch.rand(120, generator=torch.manual_seed(0))).tolist()
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    terms = {"min_lr" if key == "smallest" else key: value for key, value in given.items()}
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **{"patience": 10, **terms}, eps=0.0)
    ours = Plateau(steps=1, **given)
    for loss in losses:
        again = Plateau(steps=1, **given)
        again.load_state_dict(ours.state_dict())
        ours = again
        theirs.step(loss)
        ours.observe(loss)
        assert ours(0) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-12)
    assert ours(0) < 1.0


def test_stepwise_rate_falls_after_each_part_of_the_run():
    factor = Stepwise(steps=90, parts=3, factor=0.1)
    assert [factor(step) for step in (0, 29, 30, 59, 60, 89, 90)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01, 0.01]
    )


def test_constant_warms_up():
    assert [Constant(steps=9, warmup=3)(step) for step in (0, 1, 3, 8)] == [0.25, 0.5, 1.0, 1.0]


def test_adamax_follows_its_equations():
    """Kingma & Ba 2015, algorithm 2: u = max(b2 u, |g|), w -= lr / (1 - b1^t) m / u."""
    weight = nn.Parameter(torch.tensor([1.0]))
    optimiser = adamax([weight], lr=0.1)
    m = u = 0.0
    expected = 1.0
    for step, gradient in enumerate((2.0, -0.5, 0.25), start=1):
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        m, u = 0.9 * m + 0.1 * gradient, max(0.999 * u, abs(gradient))
        expected -= 0.1 / (1 - 0.9**step) * m / u
    assert float(weight) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("make", [adam, adamw])
def test_complex_weights_are_not_fused(make):
    """torch has the one kernel for real numbers alone; spectral layers have complex weights."""
    real, spectral = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.complex64))
    assert make([real], fused=True).defaults["fused"]
    optimiser = make([real, spectral], fused=True)
    real.grad, spectral.grad = torch.ones(2), torch.ones(2, dtype=torch.complex64)
    optimiser.step()
    assert (real < 1).all() and (spectral.real < 1).all()


class Growing(Objective):
    """A loss that notes the steps that it was told."""

    def __init__(self):
        self.step, self.seen = -1, []

    def __call__(self, pipeline, batch, rng):
        self.seen.append(self.step)
        return Regression(pipeline.context)(pipeline, batch, rng)


def test_an_objective_that_changes_is_told_each_step():
    spec = VariableSpec(name="a", dims=("sample",), shape=())
    config = PipelineConfig(
        inputs=[spec], targets=[spec.model_copy(update={"name": "b"})], network={"name": "mlp", "width": 4}
    )
    objective = Growing()
    settings, fabric = TrainerConfig(max_steps=9), Fabric(accelerator="cpu")
    module = LearningModule(Pipeline(config), objective, settings, steps=9, seed=0, fabric=fabric)
    module.step = 4  # as after a resume
    for _ in range(3):
        module.training_step({"a": torch.zeros(2), "b": torch.zeros(2)})
    assert objective.seen == [4, 5, 6]
