"""The losses of VelocityGAN, and the second optimiser of the trainer that they ask for."""

import numpy as np
import pytest
import torch
import xarray as xr

from datasets.store.layout import create_store, open_store
from datasets.store.specs import Split, VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.domains.seismic.wasserstein import Wasserstein
from surrogates.learning.pipeline import Pipeline, PipelineConfig
from surrogates.training.checkpoint import load_state
from surrogates.training.config import TrainerConfig
from surrogates.training.module import LearningModule
from surrogates.training.run import prepare, resume, start

GATHER = VariableSpec(name="gather", dims=("sample", "shot", "time", "receiver"), shape=(2, 40, 16))
IMAGE = VariableSpec(name="image", dims=("sample", "depth", "lateral"), shape=(12, 16))
GRIDS = {"name": "stack", "grid": ["time", "receiver"], "target_grid": ["depth", "lateral"]}
NETWORK = {"name": "inversion_net", "width": 2}
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
    objective = Wasserstein(l1=2.0, l2=3.0, adversarial=4.0)
    objective._critic = Tilted(5.0)
    loss, parts = objective(pipeline.train(), batch, draws())
    answer, target = pipeline(batch)["image"], batch["image"]
    error = 2 * (answer - target).abs().mean() + 3 * (answer - target).square().mean()
    torch.testing.assert_close(parts["error"], error.detach())
    torch.testing.assert_close(loss, error - 4 * 5 * answer.mean())


def test_critic_loss_is_the_distance_and_the_penalty_on_the_slope(pipeline, batch) -> None:
    objective = Wasserstein(penalty=10.0)
    objective._critic = Tilted(5.0)
    loss, parts = objective.critic_loss(pipeline.train(), batch, draws())
    with torch.no_grad():
        distance = 5 * (batch["image"].mean() - pipeline(batch)["image"].mean())
    torch.testing.assert_close(parts["wasserstein"], distance)
    torch.testing.assert_close(loss, 10 * (torch.tensor(5.0) / (12 * 16) ** 0.5 - 1).square() - distance)


def test_gradients_of_the_critic_loss_reach_the_critic_alone(pipeline, batch) -> None:
    objective = Wasserstein(**CRITIC)
    objective.critic_loss(pipeline.train(), batch, draws())[0].backward()
    assert all(parameter.grad is None for parameter in pipeline.parameters())
    assert any(parameter.grad.abs().max() > 0 for parameter in objective.critic(pipeline).parameters())


def test_a_critic_learns_to_tell_answers_from_fields(pipeline, batch) -> None:
    objective = Wasserstein(**CRITIC)
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
    objective = Wasserstein(**CRITIC)
    loss, parts = objective(pipeline.eval(), batch, draws())
    torch.testing.assert_close(loss, parts["error"])
    assert set(parts) == {"error"}


def test_targets_that_are_no_images_are_refused() -> None:
    number = VariableSpec(name="depth", dims=("sample",), shape=())
    config = PipelineConfig(inputs=[number], targets=[number], network={"name": "mlp"})
    with pytest.raises(
        ConfigError, match=r"^objective 'wasserstein': the targets' grid is \(\), but .*; give"
    ):
        Wasserstein().critic(Pipeline(config))


def test_clipping_and_rates_are_those_of_each_optimiser(pipeline) -> None:
    objective = Wasserstein(**CRITIC)
    settings = TrainerConfig(max_steps=1, gradient_clip=0.5)
    module = LearningModule(pipeline, objective, settings, steps=1, seed=0)
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 10.0)
    first, second = module.configure_optimizers()
    module.on_before_optimizer_step(second)

    def norm(network: torch.nn.Module) -> float:
        return float(torch.stack([p.grad.square().sum() for p in network.parameters()]).sum().sqrt())

    assert norm(module.critic) == pytest.approx(0.5, rel=1e-3)
    assert norm(module.pipeline) > 100
    module.on_before_optimizer_step(first)
    assert norm(module.pipeline) == pytest.approx(0.5, rel=1e-3)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A finished store of 24 gathers and images that hang together."""
    url, rng = str(tmp_path_factory.mktemp("stores") / "images.zarr"), np.random.default_rng(0)
    images = rng.normal(size=(24, 12, 16))
    gathers = np.repeat(images.mean(1)[:, None, None], 2, 1).repeat(40, 2) + 0.1 * rng.normal(
        size=(24, 2, 40, 16)
    )
    found = create_store(
        url,
        [GATHER, IMAGE],
        records=24,
        record_dimension="sample",
        shared=xr.Dataset(),
        attributes={"title": "images", "recipe": "tests", "license": "CC0-1.0"},
        splits=[Split(labels=np.array([0, 0, 0, 0, 1, 2] * 4, np.int8), keeps_whole="none")],
        records_per_shard=24,
    )
    found.write_receipt(0, {"hashes": found.write_row(0, {"gather": gathers, "image": images})})
    found.consolidate()
    return open_store(url)


@pytest.fixture
def config(store, tmp_path):
    """Plain configuration of a short run."""

    def make(max_steps: int = 12, objective: dict | None = None, **trainer: object) -> dict:
        return {
            "experiment": "images",
            "dataset": store.url,
            "task": {
                "inputs": ["gather"],
                "targets": ["image"],
                "transform": GRIDS,
                "objective": {"name": "wasserstein", "critic_steps": 3, **CRITIC, **(objective or {})},
                "baselines": [],
                "plots": [],
                "metrics": ["rmse"],
            },
            "model": NETWORK,
            "trainer": {
                "max_steps": max_steps,
                "batch_size": 4,
                "accelerator": "cpu",
                "progress": False,
                "validate_every": 5,
                "log_every": 3,
                **trainer,
            },
            "output": str(tmp_path / "runs"),
        }

    return make


def state(folder) -> dict:
    return load_state(folder / "checkpoints" / "last.ckpt")["module"]


def test_critic_learns_in_every_step_and_the_network_in_every_third(config) -> None:
    found = state(start(config(max_steps=7)))
    assert found["step"] == 7

    def steps(name: str) -> set[int]:
        return {int(each["step"]) for each in found[name]["state"].values()}

    assert steps("critic_optimiser") == {7}
    assert steps("optimiser") == {2}


def test_stopped_run_resumes_bit_identical_with_its_critic(config) -> None:
    """Step 5 of 12 lies between two steps of the network and within an epoch of four."""
    whole = state(start(config(max_steps=12, ema=0.9)))
    stopped = start(config(max_steps=5, ema=0.9))
    resume(stopped, changes={"trainer": {"max_steps": 12}})
    again = state(stopped)
    for name in ("pipeline", "critic", "optimiser", "critic_optimiser", "average"):
        torch.testing.assert_close(again[name], whole[name], rtol=0, atol=0)


def test_curves_hold_the_critic(config) -> None:
    folder = start(config())
    head, *lines = (folder / "logs" / "train.csv").read_text().splitlines()
    for name in ("critic_loss", "wasserstein", "error", "critic_of_answers"):
        assert name in head
    assert len(lines) == 4


@pytest.mark.parametrize("precision", ["bf16"])
def test_half_precision_trains_both(config, precision: str) -> None:
    found = state(start(config(max_steps=6, precision=precision)))
    assert all(value.isfinite().all() for value in found["critic"].values())


@pytest.mark.parametrize("group", [{"devices": 2}, {"strategy": "ddp"}])
def test_several_processes_are_refused_in_one_line(config, group: dict) -> None:
    prepare(config())
    with pytest.raises(
        ConfigError, match=r"'wasserstein' trains a critic, .*; take trainer\.devices=1[^\n]*$"
    ):
        prepare(config(**group))
